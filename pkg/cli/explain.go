package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
)

const explainLong = `Say why a policy has an effect or none, and what it changes. A policy passes four stages:
  1  known to Envoy Gateway
  2  sent to egraft, in the hook calls of Envoy Gateway
  3  applied by egraft
  4  active in Envoy
The command names the stage at which a policy stops, with the cause, its code, and the remedy.

SUBJECT is one of
  KIND/NAMESPACE/NAME                a policy, filter or backend of an enabled feature
  gateway/NAMESPACE/NAME             what egraft changes for a Gateway, and its policies
  httproute/NAMESPACE/NAME           the same for a route; also grpcroute
  cluster NAME                       what egraft changes in a cluster of Envoy
  KIND                               all of the kind
Without it, all policies, or those of --filename.

With --recording, egraft runs the recorded calls again. It takes the settings of
` + "`egraft serve`" + `: use those of the egraft that kept the calls. Nothing is sent to Envoy.

The exit code is
  0  all policies are in effect
  1  a policy is not in effect, the subject is not in the calls, or the command failed
  2  the command line, a setting or a file is not valid`

const explainExample = `  # Why has the policy no effect?
  egraft explain backendmtlspolicy/default/mtls --recording recording.tar.gz

  # The fields that egraft changes for a Gateway
  egraft explain gateway/default/eg --diff --recording recording.tar.gz

  # A policy that Envoy Gateway does not send
  egraft explain -f policy.yaml --recording recording.tar.gz`

// explaining are the flags of the command.
type explaining struct {
	recording string
	files     []string
	diff      bool
	output    string
}

func newExplain(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain [SUBJECT]", Short: "Say why a policy has no effect, and what egraft changes",
		Long: explainLong, Example: explainExample, Args: cobra.MaximumNArgs(2),
	}
	flags := p.addFlags(cmd, renderSettings...)
	var x explaining
	cmd.Flags().StringVar(&x.recording, "recording", "", "`path` of a recording: a directory, a tar file or a file of calls")
	cmd.Flags().StringArrayVarP(&x.files, "filename", "f", nil, "`file` with policies, whether Envoy Gateway sends them or not")
	cmd.Flags().BoolVar(&x.diff, "diff", false, "print the fields that egraft changes")
	cmd.Flags().StringVarP(&x.output, "output", "o", "text", "one of text, json, yaml")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		q, err := x.query(args, s)
		if err != nil {
			return err
		}
		report, err := x.report(cmd.Context(), s, q)
		if err != nil {
			return err
		}
		return p.writeReport(report, x.output)
	}
	return cmd
}

// query reads the arguments and files.
func (x *explaining) query(args []string, s *settings) (q explain.Query, err error) {
	if !slices.Contains([]string{"text", "json", "yaml"}, x.output) {
		return q, fmt.Errorf("--output %q is none of text, json, yaml", x.output)
	}
	if x.recording == "" {
		return q, errors.New("--recording is missing: name a recording")
	}
	q.Diff = x.diff
	if q.Subject, err = explain.ParseSubject(args, explain.Kinds(s.features)); err != nil {
		return q, err
	}
	for _, name := range x.files {
		data, err := os.ReadFile(name)
		if err != nil {
			return q, fmt.Errorf("read file: %w", err)
		}
		objects, err := explain.ParseObjects(data)
		if err != nil {
			return q, fmt.Errorf("%s: %w", name, err)
		}
		q.Objects = append(q.Objects, objects...)
	}
	return q, nil
}

// report makes the report.
func (x *explaining) report(ctx context.Context, s *settings, q explain.Query) (*explain.Report, error) {
	r, err := recording.Open(x.recording)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(s.features, engine.WithMutatorTimeout(s.MutatorTimeout), engine.WithLimits(s.Restrictions().Limits.Excess))
	if err != nil {
		return nil, failed(fmt.Errorf("set up mutators: %w", err))
	}
	report, err := (&explain.Explainer{Engine: e, Features: s.features}).Explain(ctx, r, q)
	return report, failed(err)
}

func (p *program) writeReport(report *explain.Report, output string) error {
	var err error
	if output == "text" {
		err = report.Write(p.stdout, terminal.New(p.stdout, p.environ))
	} else {
		err = writeDocument(p.stdout, report, output)
	}
	if err == nil && !report.InEffect() {
		err = errWithoutEffect
	}
	return failed(err)
}

// writeDocument prints a document as JSON or YAML.
func writeDocument(w io.Writer, document any, output string) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if output == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	}
	_, err = w.Write(text)
	return err
}
