package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/internal/render"
	"github.com/egraft/egraft/internal/terminal"
)

const renderLong = `Print what policies change in xDS resources, without a cluster, for example in CI.

Files (-f, can be repeated; - is standard input) are YAML or JSON with one or more documents.
A document is one of
  a policy           as for kubectl apply
  an Envoy's config  the output of /config_dump on Envoy's admin address, with or without
  dump               ?resource=; it must have the clusters, listeners and routes, and come
                     from an Envoy whose configuration egraft has not changed
  egctl's output     the output of Envoy Gateway's egctl x translate --to xds for one Gateway
  hook calls         as in the conformance kit's in.yaml, with filters and backends

For a config dump, egraft makes the same calls as Envoy Gateway: the Route hook for each route
that is the target of a policy, then the Translation hook. Filters and backends require a file
of calls, because a dump does not show which routes refer to them. targetSelectors require
labels, which a dump does not contain.

It accepts the settings of ` + "`egraft serve`" + `: use the same flags, environment and file for both.

Output (-o) is
  diff        changes (+ added, ~ changed, - removed), and the outcomes of policies
  yaml, json  changed resources (with --all, also unmodified ones), and the outcomes
Secrets are redacted, so Envoy does not accept the output. The exit code is
  0  all policies are Programmed, or Overridden by more specific ones
  1  a policy has another outcome (Invalid, Conflicted, TargetNotFound, MatchedNothing,
     ApplyFailed, or NotSent if no call contains it), a mutator failed, or the input cannot
     be rendered
  2  the command line, a setting or a file is invalid`

const renderExample = `  # What would the policy change in an Envoy? (curl -s localhost:19000/config_dump > dump.json)
  egraft render -f dump.json -f policy.yaml

  # The changed resources
  egraft render -f dump.json -f policy.yaml -o yaml

  # A case of the conformance kit, from the standard input
  egraft render -f -`

// renderSettings are the settings that change what egraft does with resources.
var renderSettings = []string{
	"mutator-timeout", "eds-initial-fetch-timeout", "fast-cluster-updates", "include-attempt-count", "max-buffer-bytes",
	"allow-special-destinations", "disable-features", "failure-policy", "namespace-rules", "max-initial-fetch-timeout",
	"max-peers", "max-agent-sockets-per-namespace", "max-sds-secrets-per-namespace",
	"max-filters-per-namespace",
}

// rendering holds the flags of the command.
type rendering struct {
	files  []string
	output string
	all    bool
}

func newRender(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "render", Short: "Print what policies change in xDS resources, without a cluster",
		Long: renderLong, Example: renderExample, Args: noArgs,
	}
	flags := p.addFlags(cmd, renderSettings...)
	var r rendering
	cmd.Flags().StringArrayVarP(&r.files, "filename", "f", nil, "`file` with policies, a config dump or calls; can be repeated; - is standard input")
	cmd.Flags().StringVarP(&r.output, "output", "o", "diff", "one of diff, yaml, json")
	cmd.Flags().BoolVar(&r.all, "all", false, "with -o yaml or json, also print unmodified resources")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		in, err := r.input(cmd.InOrStdin())
		if err != nil {
			return err
		}
		return p.renderInput(cmd.Context(), s, in, r)
	}
	return cmd
}

// input reads the files.
func (r *rendering) input(stdin io.Reader) (*render.Input, error) {
	switch {
	case !slices.Contains([]string{"diff", "yaml", "json"}, r.output):
		return nil, fmt.Errorf("--output %q is not one of diff, yaml, json", r.output)
	case r.all && r.output == "diff":
		return nil, errors.New("--all requires --output yaml or json")
	case len(r.files) == 0:
		return nil, errors.New("--filename is missing: name files with policies, and a config dump or calls")
	}
	in := &render.Input{}
	for _, name := range r.files {
		data, err := os.ReadFile(name)
		if name == "-" {
			data, err = io.ReadAll(stdin)
		}
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
		if err := in.Read(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if in.Dump == nil && len(in.Calls) == 0 {
		return nil, errors.New("the files have no xDS resources: add a config dump or calls")
	}
	return in, nil
}

// errWithoutEffect determines the exit code; the outcomes have the details.
var errWithoutEffect = errors.New("not every policy is in effect")

func (p *program) renderInput(ctx context.Context, s *settings, in *render.Input, r rendering) error {
	e, err := engine.New(s.features, engine.WithMutatorTimeout(s.MutatorTimeout), engine.WithLimits(s.Restrictions().Limits.Excess))
	if err != nil {
		return failed(fmt.Errorf("set up mutators: %w", err))
	}
	result, err := (&render.Renderer{Engine: e, Features: s.features}).Render(ctx, in)
	if err != nil {
		return failed(err)
	}
	write := p.writeDiff
	if r.output != "diff" {
		write = func(result *render.Result) error { return p.writeResources(result, r) }
	}
	if err := write(result); err != nil {
		return failed(err)
	}
	if len(result.Failures) > 0 || slices.ContainsFunc(result.Policies, func(o render.Policy) bool { return !o.InEffect() }) {
		return failed(errWithoutEffect)
	}
	return nil
}

// compare compares a resource with its previous version. Without a result, it was added or removed.
func compare(r *render.Resource) (sign diff.Op, result *diff.Result, err error) {
	switch {
	case r.Before == nil:
		return diff.Added, nil, nil
	case r.After == nil:
		return diff.Removed, nil, nil
	}
	result, err = diff.Messages(r.Before, r.After)
	if err == nil && len(result.Changes) == 0 {
		return "", result, nil
	}
	return diff.Changed, result, err
}

// writeDiff prints changes and outcomes as text.
func (p *program) writeDiff(result *render.Result) error {
	var out strings.Builder
	unchanged := 0
	for i := range result.Resources {
		r := &result.Resources[i]
		sign, changes, err := compare(r)
		if err != nil {
			return err
		}
		if sign == "" {
			unchanged++
			continue
		}
		fmt.Fprintf(&out, "%s %s %s\n", sign, r.Kind, terminal.Printable(r.Name))
		if changes != nil {
			err = changes.Write(&out, "    ")
		} else if r.After != nil {
			err = writeWhole(&out, r.After)
		}
		if err != nil {
			return fmt.Errorf("print %s %s: %w", r.Kind, r.Name, err)
		}
	}
	fmt.Fprintf(&out, "unchanged resources: %d\n", unchanged)
	style := terminal.New(p.stdout, p.environ)
	text := style.Diff(terminal.PrintableLines(out.String()))
	for _, o := range result.Policies {
		reason := style.Warn(o.Reason)
		if o.InEffect() {
			reason = style.Good(o.Reason)
		}
		text += fmt.Sprintf("%s: %s: %s\n", terminal.Printable(o.Policy), reason, terminal.Printable(o.Message))
	}
	for _, f := range result.Failures {
		text += fmt.Sprintf("%s: %s\n", style.Bad("failed"), terminal.Printable(f))
	}
	_, err := io.WriteString(p.stdout, text)
	return err
}

func writeWhole(out io.Writer, m proto.Message) error {
	value, err := redact.JSON(m)
	if err != nil {
		return err
	}
	text, err := diff.Block(value, "    ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}

// document is what -o yaml and json print.
type document struct {
	Resources map[string][]json.RawMessage `json:"resources"`
	Policies  []render.Policy              `json:"policies"`
	Failures  []string                     `json:"failures,omitempty"`
}

func (p *program) writeResources(result *render.Result, r rendering) error {
	doc := document{Resources: map[string][]json.RawMessage{}, Policies: []render.Policy{}, Failures: result.Failures}
	doc.Policies = append(doc.Policies, result.Policies...)
	for i := range result.Resources {
		one := &result.Resources[i]
		sign, _, err := compare(one)
		if err != nil {
			return err
		}
		if one.After == nil || sign == "" && !r.all {
			continue
		}
		text, err := redact.CamelJSON(one.After)
		if err != nil {
			return fmt.Errorf("print %s %s: %w", one.Kind, one.Name, err)
		}
		doc.Resources[string(one.Kind)] = append(doc.Resources[string(one.Kind)], text)
	}
	return writeDocument(p.stdout, doc, r.output)
}
