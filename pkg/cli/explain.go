package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/internal/wiring"
)

const explainLong = `Show whether a policy is in effect, why or why not, and what it changes. A policy passes
through four stages:
  1  known to Envoy Gateway
  2  sent to egraft, in the hook calls of Envoy Gateway
  3  applied by egraft
  4  active in Envoy
The command shows the stage at which a policy stops, with the cause, its code, and the remedy.

SUBJECT is one of
  KIND/NAMESPACE/NAME                a policy, filter or backend of an enabled feature
  gateway/NAMESPACE/NAME             what egraft changes for a Gateway, and its policies
  httproute/NAMESPACE/NAME           the same for a route; also grpcroute
  cluster NAME                       what egraft changes in a cluster of Envoy
  KIND                               all policies, filters or backends of the kind
Without it, the command explains all policies, or the ones in --filename.

It asks the egraft on this host (--admin-address), which runs its last calls again.
If there is none, or with --kubeconfig or --context, it asks all replicas of egraft in the
cluster, Envoy Gateway's configuration and the Envoys, with the permissions of the kubeconfig.
Without Kubernetes, --envoy-gateway-config and --envoy-admin are the sources for stages 1
and 4. With --recording, the command runs the calls of a recording. It then accepts the
settings of ` + "`egraft serve`" + `: use the settings of the recorded egraft. It changes nothing.

The exit code is
  0  all policies are in effect, or have the effect Shadow
  1  a policy is not in effect, the subject is not in the calls, or the command failed
  2  the command line, a setting or a file is invalid`

const explainExample = `  # Why does the policy have no effect?
  egraft explain backendmtlspolicy/default/mtls

  # The fields that egraft changes for a Gateway
  egraft explain gateway/default/eg --diff

  # A policy that Envoy Gateway does not send
  egraft explain -f policy.yaml

  # From a recording
  egraft explain --recording recording.tar.gz`

// explaining holds the flags of the command.
type explaining struct {
	surroundings
	recording string
	files     []string
	diff      bool
	output    string
}

func newExplain(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "explain [SUBJECT]", Short: "Show why a policy has no effect, and what egraft changes",
		Long: explainLong, Example: explainExample, Args: cobra.MaximumNArgs(2),
	}
	flags := p.addFlags(cmd, append(slices.Clone(renderSettings), "admin-address", "kubeconfig")...)
	var x explaining
	x.add(cmd)
	cmd.Flags().StringVar(&x.recording, "recording", "", "`path` of a recording: a directory, a tar file or a file of calls; if empty, the command asks a running egraft")
	cmd.Flags().StringArrayVarP(&x.files, "filename", "f", nil, "`file` with policies, whether Envoy Gateway sends them or not")
	cmd.Flags().BoolVar(&x.diff, "diff", false, "print the fields that egraft changes")
	cmd.Flags().StringVarP(&x.output, "output", "o", "text", "one of text, json, yaml")
	cmd.ValidArgsFunction = p.completeSubjects(flags, &x.place)
	_ = cmd.RegisterFlagCompletionFunc("output", completeWords("text", "json", "yaml")) // cannot fail, the flag exists
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		x.remote = cmd.Flags().Changed("kubeconfig") || x.context != ""
		x.local = cmd.Flags().Changed("admin-address") || x.gatewayConfig != "" || len(x.envoyAdmins) > 0
		report, err := x.report(cmd.Context(), p, s, args)
		if err != nil {
			return err
		}
		return p.writeReport(report, x.output)
	}
	return cmd
}

// report returns the report from a recording or from running egrafts.
func (x *explaining) report(ctx context.Context, p *program, s *settings, args []string) (*explain.Report, error) {
	if !slices.Contains([]string{"text", "json", "yaml"}, x.output) {
		return nil, fmt.Errorf("--output %q is not one of text, json, yaml", x.output)
	}
	objects, err := x.objects()
	if err != nil {
		return nil, err
	}
	if x.recording != "" {
		return x.recorded(ctx, s, args, objects)
	}
	return x.live(ctx, p, s, args, objects)
}

// live queries the egraft on this host, or those in a cluster.
func (x *explaining) live(ctx context.Context, p *program, s *settings, args []string, objects [][]byte) (*explain.Report, error) {
	if !x.remote {
		r, err := x.running(ctx, s, args, objects)
		if x.local || !errors.Is(err, explain.ErrNoAnswer) {
			return r, err
		}
		r, remoteErr := x.inCluster(ctx, p, s, args, objects)
		if errors.Is(remoteErr, cluster.ErrNoConfig) {
			return nil, failed(fmt.Errorf("%w; pass its address with --admin-address, a cluster with --kubeconfig, or a recording with --recording", err))
		}
		return r, asked(remoteErr)
	}
	r, err := x.inCluster(ctx, p, s, args, objects)
	return r, asked(err)
}

// asked makes an error a failure, unless the query is invalid.
func asked(err error) error {
	if errors.As(err, new(*explain.QueryError)) {
		return err
	}
	return failed(err)
}

// objects reads the files.
func (x *explaining) objects() (all [][]byte, err error) {
	for _, name := range x.files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
		objects, err := explain.ParseObjects(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, objects...)
	}
	return all, nil
}

// recorded runs the calls of a recording.
func (x *explaining) recorded(ctx context.Context, s *settings, args []string, objects [][]byte) (*explain.Report, error) {
	subject, err := explain.ParseSubject(args, explain.Kinds(s.features))
	if err != nil {
		return nil, err
	}
	r, err := recording.Open(x.recording)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(s.features, engine.WithMutatorTimeout(s.MutatorTimeout), engine.WithLimits(s.Restrictions().Limits.Excess))
	if err != nil {
		return nil, failed(fmt.Errorf("set up mutators: %w", err))
	}
	q := explain.Query{Subject: subject, Diff: x.diff, Objects: objects, Wanted: len(x.envoyAdmins) > 0}
	report, err := (&explain.Explainer{Engine: e, Features: s.features}).Explain(ctx, r, q)
	if err != nil {
		return nil, failed(err)
	}
	x.standalone(ctx, report, wiring.NeedsOf(s.features), s.socket())
	return report, nil
}

// running queries an egraft on this host.
func (x *explaining) running(ctx context.Context, s *settings, args []string, objects [][]byte) (*explain.Report, error) {
	if s.AdminAddress == "" {
		return nil, errors.New("--admin-address is off: pass the address of a running egraft, or a recording with --recording")
	}
	r, err := explain.Ask(ctx, &http.Transport{}, s.AdminAddress, x.request(args, objects)) // no proxy from the environment
	if err != nil {
		return nil, asked(err)
	}
	if r.Complete(objects); len(args) == 0 && len(objects) > 0 {
		r.Keep(objects)
	}
	x.standalone(ctx, r, wiring.NeedsOf(s.features), s.socket())
	return r, nil
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
