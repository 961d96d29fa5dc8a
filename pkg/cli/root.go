package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rootLong = `egraft adds features that Envoy Gateway lacks to the configuration Envoy receives. It
runs as a sidecar of Envoy Gateway, which calls it over a Unix socket, and changes
clusters, listeners, routes and secrets as custom resources configure it.`

const rootExample = `  # Serve, as the sidecar of Envoy Gateway
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
	root.SetUsageFunc(wrapped(root.UsageFunc()))
	root.AddCommand(newServe(p), newHealthcheck(p), newConfig(p), newRender(p), newDoctor(p), newRecord(p), newReplay(p), newCases(p), newVersion(p))
	root.AddCommand(newPlan(p), newConvert(p), newNew(p), newBuild(p))
	root.AddCommand(newExplain(p), newCollect(p), newMan())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// wrapped prints a usage with wrapped flags. A usage template would also do this, but would add a
// sixth to the size of the program: see hack/architecture/linked_test.go.
func wrapped(usage func(*cobra.Command) error) func(*cobra.Command) error {
	return func(cmd *cobra.Command) error {
		out := cmd.OutOrStderr()
		var text strings.Builder
		cmd.SetOut(&text)
		err := usage(cmd)
		cmd.SetOut(out)
		if err != nil {
			return err
		}
		wrap := strings.NewReplacer(wrapping(cmd.LocalFlags(), cmd.InheritedFlags())...)
		_, err = io.WriteString(out, wrap.Replace(text.String()))
		return err
	}
}

// usageWidth is the maximum line length of a usage.
const usageWidth = 100

// wrapping returns the texts of flags, each followed by its wrapped version.
func wrapping(sets ...*pflag.FlagSet) (pairs []string) {
	for _, flags := range sets {
		if text := strings.TrimSpace(flags.FlagUsages()); text != "" {
			pairs = append(pairs, text, strings.TrimSpace(flags.FlagUsagesWrapped(usageWidth)))
		}
	}
	return pairs
}

// title returns the name by which a user calls the program.
func (p *program) title() string {
	if p.name == "" {
		return "egraft"
	}
	return p.name
}

// help shows the help of a command that only has subcommands.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// oneOf rejects unknown subcommands. For the root, cobra does this itself.
func oneOf(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	}
	return nil
}

// noArgs rejects arguments with a message that says what to do.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, but got %q", cmd.CommandPath(), args[0])
	}
	return nil
}
