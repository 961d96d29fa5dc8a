package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/convert"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/render"
	"github.com/egraft/egraft/internal/terminal"
)

const convertLong = `Print XDSPatchPolicies and FilterPolicies with the same effect as EnvoyPatchPolicies. It
applies nothing. docs/convert.md describes the migration.

Files are YAML or JSON with one or more documents, including lists, as kubectl get prints
them. Without a file, or with -, it reads standard input.

EnvoyPatchPolicies refer to Envoy's resources by xDS names and indexes. egraft looks them up in
  --config-dump  the output of /config_dump on Envoy's admin address, or of egctl x translate
                 --to xds, for an Envoy that serves the Gateway; can be repeated
  --recording    the output of ` + "`egraft record`" + `
and compares the results of both policies. Without these flags, it only converts what the name
alone identifies: fields of a listener, a route configuration or the cluster of a rule. A dump
or a recording without the EnvoyPatchPolicies allows egraft to convert more.

The command writes policies to standard output. On standard error, and in comments above the
policies, it lists operations that it did not convert and grants of --namespace-rules that are
required, with the reason and a remedy. The exit code is
  0  everything is converted
  1  the command line, a setting or a file is invalid
  2  something is not converted`

const convertExample = `  # kubectl get envoypatchpolicies --all-namespaces -o yaml > patches.yaml
  # curl -s localhost:19000/config_dump > dump.json
  egraft convert patches.yaml --config-dump dump.json > policies.yaml

  # For all Gateways that egraft serves
  egraft record recording.tar.gz
  egraft convert patches.yaml --recording recording.tar.gz > policies.yaml

  # What would they change while the EnvoyPatchPolicies are in place? Only filters
  egraft plan -f policies.yaml`

// maxConverted limits the size of the EnvoyPatchPolicies to read.
const maxConverted = 32 << 20

// exitUnconverted is the exit code if something is not converted.
const exitUnconverted = exitStatus(2)

type convertFlags struct {
	dumps                []string
	recording, namespace string
}

func newConvert(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "convert [FILE]...", Short: "Print policies that replace EnvoyPatchPolicies",
		Long: convertLong, Example: convertExample,
	}
	flags := p.addFlags(cmd, "namespace-rules")
	var f convertFlags
	cmd.Flags().StringArrayVar(&f.dumps, "config-dump", nil, "`file` with an Envoy's config dump; can be repeated; - is standard input")
	cmd.Flags().StringVar(&f.recording, "recording", "", "`path` of a recording: a directory or a tar file")
	cmd.Flags().StringVarP(&f.namespace, "namespace", "n", "default", "namespace of EnvoyPatchPolicies without one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err == nil {
			err = p.convert(cmd.Context(), s, &f, args, cmd.InOrStdin())
		}
		if s := exitStatus(0); err == nil || errors.As(err, &s) {
			return err
		}
		return failed(err) // exit code 2 means that something is not converted
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return failed(err) })
	return cmd
}

func (p *program) convert(ctx context.Context, s *settings, f *convertFlags, files []string, stdin io.Reader) error {
	policies, err := p.patchPolicies(f, files, stdin)
	if err != nil {
		return err
	}
	world, err := f.world(stdin, p.progress)
	if err != nil {
		return err
	}
	c := &convert.Converter{World: world, Restrictions: s.Restrictions()}
	for i := range s.features {
		c.Kinds = append(c.Kinds, s.features[i].Policies...)
	}
	result := c.Convert(ctx, policies)
	text, err := result.Write()
	if err != nil {
		return err
	}
	if _, err := p.stdout.Write(text); err != nil {
		return fmt.Errorf("write policies: %w", err)
	}
	p.told(result)
	if !result.IsComplete() {
		return exitUnconverted
	}
	return nil
}

// patchPolicies reads EnvoyPatchPolicies from files.
func (p *program) patchPolicies(f *convertFlags, files []string, stdin io.Reader) (all []*convert.Policy, err error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	passed := 0
	for _, name := range files {
		data, err := readBounded(name, stdin, maxConverted)
		if err != nil {
			return nil, err
		}
		found, others, err := convert.Read(data, f.namespace)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all, passed = append(all, found...), passed+others
	}
	if passed > 0 {
		fmt.Fprintf(p.stderr, "skipped %s that are not EnvoyPatchPolicies\n", counted(passed, "object"))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: has no EnvoyPatchPolicy", strings.Join(files, ", "))
	}
	return all, nil
}

func readBounded(name string, stdin io.Reader, most int64) ([]byte, error) {
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
		defer file.Close()
		in = file
	}
	if in == nil {
		return nil, errors.New("there is no standard input: pass a file")
	}
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: has more than %d MiB", name, most>>20)
	}
	return data, nil
}

// world reads Envoy's resources; nil if no flag provides them.
func (f *convertFlags) world(stdin io.Reader, progress func(string)) (*convert.World, error) {
	if len(f.dumps) == 0 && f.recording == "" {
		return nil, nil //nolint:nilnil // the conversion uses names only
	}
	progress("what Envoy has")
	w := &convert.World{}
	for _, name := range f.dumps {
		data, err := readBounded(name, stdin, 1<<30)
		if err != nil {
			return nil, err
		}
		in := &render.Input{}
		if err := in.Read(data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if in.Dump == nil {
			return nil, fmt.Errorf("%s: is not a config dump: take one from /config_dump of an Envoy that Envoy Gateway configures", name)
		}
		if err := w.Add(in.Dump.Resources()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return w, f.record(w)
}

func (f *convertFlags) record(w *convert.World) error {
	if f.recording == "" {
		return nil
	}
	r, err := recording.Open(f.recording)
	if err != nil {
		return err
	}
	latest := r.Latest()
	if len(latest) == 0 {
		return errors.New("the recording has no call of the Translation hook")
	}
	for _, c := range latest {
		if err := w.Add(c.Resources); err != nil {
			return fmt.Errorf("recording %s: Gateway %s: %w", f.recording, c.Gateway, err)
		}
	}
	return nil
}

// told prints what is not converted, and notes.
func (p *program) told(r *convert.Result) {
	style := terminal.New(p.stderr, p.environ)
	left := map[string]bool{}
	for _, t := range r.Told {
		line := terminal.PrintableLines(t.String())
		if t.IsNote {
			line = style.Warn("note: ") + line
		} else {
			left[t.Policy+t.Field] = true
		}
		fmt.Fprintln(p.stderr, line)
	}
	for _, g := range r.Grants {
		fmt.Fprintln(p.stderr, style.Warn("note: ")+terminal.PrintableLines(g.String()))
	}
	if len(r.Grants) > 0 {
		fmt.Fprintf(p.stderr, "set --namespace-rules '%s'\n", terminal.PrintableLines(r.Rules.String()))
	}
	if len(left) > 0 {
		fmt.Fprintln(p.stderr, style.Bad("not converted: "+counted(len(left), "operation")))
	}
}

// counted formats a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
