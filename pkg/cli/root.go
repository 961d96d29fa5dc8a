package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

const rootLong = `egraft adds features that Envoy Gateway lacks to the configuration Envoy receives. It
runs as a sidecar of Envoy Gateway, which calls it over a Unix socket, and changes
clusters, listeners, routes and secrets as custom resources configure it.`

const rootExample = `  # Serve, as the sidecar of Envoy Gateway does
  egraft serve

  # Print the settings that Envoy Gateway needs
  egraft config envoy-gateway --format helm`

// execute runs the command of the arguments and returns its path for messages.
func execute(ctx context.Context, args []string, p *program) (string, error) {
	root := newRoot(p)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return cmd.CommandPath(), err
}

// newRoot builds the command tree.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use: "egraft", Short: "An extension server for Envoy Gateway", Long: rootLong, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true,
		RunE:        help,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: p.title()},
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 100 "))
	root.AddCommand(newServe(p), newHealthcheck(p), newConfig(p), newRender(p), newDoctor(p), newRecord(p), newReplay(p), newVersion(p))
	root.AddCommand(newPlan(p))
	root.AddCommand(newExplain(p), newCollect(p), newMan())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// title is what a person types to call the program.
func (p *program) title() string {
	if p.name == "" {
		return "egraft"
	}
	return p.name
}

// help shows the help of a command that only has others below it.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// oneOf rejects names that no command below has. For the root cobra does it by itself.
func oneOf(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

// noArgs rejects arguments in words that say what to do.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
