package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/plan"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
)

const planLong = `Print what would change in Envoy if you applied or deleted policies, filters or backends.
The command applies nothing and sends nothing to Envoy: egraft runs the last hook calls of
each Gateway again, once without and once with the changes.

It prints + for added, ~ for changed and - for removed resources, with their fields, the
policies that cause the changes, and the effects: which listeners drain, which closes
connections of clients, and which clusters warm again.

The calls come from a running egraft: from the one on this host if it responds on
--admin-address, otherwise from the one in the cluster of the kubeconfig. With --recording,
they come from a recording (see ` + "`egraft record`" + `). Use the settings of the egraft that kept
the calls.

Files (-f, -d; - is standard input) are YAML or JSON, as for kubectl apply. They replace
existing policies. You can plan filters and backends if routes refer to them.

The exit code is
  0  nothing changes
  1  error: no calls, an invalid file, or Envoy rejects the result
  2  Envoy's configuration changes`

const planExample = `  # What would the policy change?
  egraft plan -f policy.yaml

  # What would change if it were deleted?
  egraft plan -d policy.yaml

  # In CI, from a recording, validated by the Envoy release in use
  egraft plan -f policies/ --recording recording.tar.gz --validate-with /usr/local/bin/envoy`

// planFlags holds the flags of the command.
type planFlags struct {
	finding
	recording, namespace, output, envoy string
	apply, delete                       []string
}

func newPlan(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "plan", Short: "Print what policies would change in Envoy, before you apply them",
		Long: planLong, Example: planExample,
	}
	flags := p.addFlags(cmd, append(slices.Clone(renderSettings), "admin-address", "kubeconfig")...)
	var f planFlags
	f.add(cmd)
	cmd.Flags().StringArrayVarP(&f.apply, "filename", "f", nil, "`file` or directory with custom resources to apply; - is standard input")
	cmd.Flags().StringArrayVarP(&f.delete, "delete", "d", nil, "`file` or directory with custom resources to delete; - is standard input")
	cmd.Flags().StringVarP(&f.namespace, "namespace", "n", "default", "namespace of custom resources without one")
	cmd.Flags().StringVar(&f.recording, "recording", "", "`path` of a recording: a directory or a tar file; if empty, the command asks a running egraft")
	cmd.Flags().StringVar(&f.envoy, "validate-with", "", "`path` of an Envoy binary that validates the result")
	cmd.Flags().StringVarP(&f.output, "output", "o", "text", "one of text, json, yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", completeWords("text", "json", "yaml")) // cannot fail, the flag exists
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.load(flags)
		if err == nil {
			f.read(cmd, s)
			err = p.plan(cmd.Context(), s, &f, cmd.InOrStdin())
		}
		if s := exitStatus(0); err == nil || errors.As(err, &s) {
			return err
		}
		return failed(err) // exit code 2 means changes
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error { return failed(noArgs(cmd, args)) }
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	return cmd
}

// exitChanges is the exit code of a plan with changes.
const exitChanges = exitStatus(2)

func (p *program) plan(ctx context.Context, s *settings, f *planFlags, stdin io.Reader) error {
	if !slices.Contains([]string{"text", "json", "yaml"}, f.output) {
		return fmt.Errorf("--output %q is not one of text, json, yaml", f.output)
	}
	changes, err := f.changes(stdin)
	if err != nil {
		return err
	}
	r, err := f.calls(ctx, p)
	if err != nil {
		return err
	}
	e, err := engine.New(s.features, engine.WithMutatorTimeout(s.MutatorTimeout), engine.WithLimits(s.Restrictions().Limits.Excess))
	if err != nil {
		return fmt.Errorf("set up mutators: %w", err)
	}
	report, err := (&plan.Planner{Engine: e, Features: s.features, Now: time.Now()}).Plan(ctx, r, changes)
	if err != nil {
		return err
	}
	if f.output == "text" {
		err = report.Write(p.stdout, terminal.New(p.stdout, p.environ))
	} else {
		err = writeDocument(p.stdout, report, f.output)
	}
	if err == nil && f.envoy != "" {
		err = validateWith(ctx, f.envoy, report)
	}
	if err == nil && report.HasChanges() {
		err = exitChanges
	}
	return err
}

func (f *planFlags) calls(ctx context.Context, p *program) (*recording.Recording, error) {
	if f.recording != "" {
		return recording.Open(f.recording)
	}
	return p.running(ctx, &f.finding, true)
}

func (f *planFlags) changes(stdin io.Reader) (c plan.Changes, err error) {
	if len(f.apply)+len(f.delete) == 0 {
		return c, errors.New("--filename is missing: name files with custom resources to apply, or --delete")
	}
	if c.Apply, err = readObjects(f.apply, f.namespace, stdin); err == nil {
		c.Delete, err = readObjects(f.delete, f.namespace, stdin)
	}
	return c, err
}

// readObjects reads custom resources from files, and from the YAML and JSON files in directories.
func readObjects(names []string, namespace string, stdin io.Reader) (all []*objectfile.Object, err error) {
	for _, name := range names {
		files := []string{name}
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			files = nil
			for _, form := range []string{"*.yaml", "*.yml", "*.json"} {
				found, err := filepath.Glob(filepath.Join(name, form))
				if err != nil {
					return nil, fmt.Errorf("read directory: %w", err)
				}
				files = append(files, found...)
			}
			slices.Sort(files)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if file == "-" {
				data, err = io.ReadAll(stdin)
			}
			if err != nil {
				return nil, fmt.Errorf("read file: %w", err)
			}
			objects, err := objectfile.Read(data, namespace)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			all = append(all, objects...)
		}
	}
	return all, nil
}

// validateWith makes an Envoy validate the resulting configuration of each Gateway that changes.
func validateWith(ctx context.Context, program string, r *plan.Report) error {
	for i := range r.Gateways {
		g := &r.Gateways[i]
		if len(g.Resources) == 0 {
			continue
		}
		before, after, err := g.Bootstraps()
		if err == nil {
			err = validate(ctx, program, after)
		}
		if err == nil {
			continue
		}
		also := ""
		if validate(ctx, program, before) != nil {
			also = ", and rejects what it has without the changes, too"
		}
		return fmt.Errorf("Gateway %s: Envoy rejects the result%s: %w", g.Name, also, err)
	}
	return nil
}

// maxValidation limits the lines of Envoy's output in an error.
const maxValidation = 10

func validate(ctx context.Context, program string, bootstrap []byte) error {
	dir, err := os.MkdirTemp("", "egraft-plan-")
	if err != nil {
		return fmt.Errorf("validate: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary
	path := filepath.Join(dir, "bootstrap.json")
	if err := os.WriteFile(path, bootstrap, 0o600); err != nil {
		return fmt.Errorf("validate: %w", err)
	}
	out, err := exec.CommandContext(ctx, program, "--mode", "validate", "--log-level", "error", "-c", path).CombinedOutput()
	if err == nil || strings.Contains(string(out), fmt.Sprintf("configuration '%s' OK", path)) { // Envoy can crash after that
		return nil
	}
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(out), path, "bootstrap.json")), "\n")
	return fmt.Errorf("%w: %s", err, terminal.Printable(strings.Join(lines[:min(len(lines), maxValidation)], " ")))
}
