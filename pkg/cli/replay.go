package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/replay"
	"github.com/egraft/egraft/internal/terminal"
)

const replayLong = `Send the calls of a recording to two egrafts and compare their responses: before an
upgrade, before a change of egraft's settings, or between two releases of Envoy Gateway.

Before is this binary, with settings as for ` + "`egraft serve`" + `. After is the binary of --against,
or this one, with the same settings plus the flags of --against-flag. With
--against-recording, After receives the calls of another recording of the same resources.
Settings of the recorded egraft that affect resources apply to both, unless a flag overrides
them.

Both run as processes without a cache, on separate sockets. The command makes each call twice,
to find responses that are not deterministic. The exit code is 0 if all responses are
identical, 1 if some differ or a call failed, and 2 if the command line is invalid.`

const replayExample = `  # Before an upgrade
  egraft record recording.tar.gz
  egraft replay recording.tar.gz --against ./egraft-new

  # Before a change of settings
  egraft replay recording.tar.gz --against-flag --fast-cluster-updates

  # Two releases of Envoy Gateway
  egraft replay with-1.8.tar.gz --against-recording with-1.9.tar.gz`

// replaying holds the flags of the command.
type replaying struct {
	binary, recording, output string
	flags                     []string
}

func newReplay(p *program) *cobra.Command {
	cmd := &cobra.Command{Use: "replay RECORDING", Short: "Compare the responses of two egrafts to recorded calls", Long: replayLong, Example: replayExample, Args: cobra.ExactArgs(1)}
	flags := p.addFlags(cmd, renderSettings...)
	var r replaying
	cmd.Flags().StringVar(&r.binary, "against", "", "`path` of another egraft; if empty, this one")
	cmd.Flags().StringArrayVar(&r.flags, "against-flag", nil, "`flag` of `egraft serve` for the other egraft, like --against-flag=--fast-cluster-updates; can be repeated")
	cmd.Flags().StringVar(&r.recording, "against-recording", "", "`path` of a recording whose calls the other egraft receives; if empty, the same recording")
	cmd.Flags().StringVarP(&r.output, "output", "o", "text", "one of text, json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if r.output != "text" && r.output != "json" {
			return fmt.Errorf("--output %q is not one of text, json", r.output)
		}
		if r.binary == "" && r.recording == "" && len(r.flags) == 0 {
			return errors.New("nothing to compare with: use --against, --against-flag or --against-recording")
		}
		if _, err := p.load(flags); err != nil {
			return err
		}
		report, err := p.replay(cmd.Context(), args[0], flags.Args(), &r)
		if err != nil {
			return failed(err)
		}
		return failed(p.writeReplay(report, r.output))
	}
	return cmd
}

// replay starts both egrafts and makes the calls.
func (p *program) replay(ctx context.Context, path string, given map[string]string, r *replaying) (*replay.Report, error) {
	before, err := recording.Open(path)
	if err != nil {
		return nil, err
	}
	pairs, unmatched := replay.Same(before), []replay.Request(nil)
	if r.recording != "" {
		after, err := recording.Open(r.recording)
		if err != nil {
			return nil, err
		}
		pairs, unmatched = replay.Match(before, after)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := serveArgs(before.Settings, given)
	one, err := replay.Start(ctx, replay.Program{Path: self, Args: args, Env: p.environ})
	if err != nil {
		return nil, err
	}
	defer func() { _ = one.Stop() }() // its responses are known
	other, err := replay.Start(ctx, replay.Program{Path: cmp.Or(r.binary, self), Args: append(slices.Clone(args), r.flags...), Env: p.environ})
	if err != nil {
		return nil, err
	}
	defer func() { _ = other.Stop() }()
	report, err := replay.Run(ctx, one, other, pairs)
	if err != nil {
		return nil, err
	}
	report.Unmatched = unmatched
	return report, nil
}

// serveArgs returns the recorded settings that change what egraft does with resources, overridden
// by the given ones.
func serveArgs(recorded, given map[string]string) (args []string) {
	all := map[string]string{}
	for name, value := range recorded {
		if slices.Contains(renderSettings, name) {
			all[name] = value
		}
	}
	maps.Copy(all, given)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		args = append(args, "--"+name+"="+all[name])
	}
	return args
}

// errAnswersDiffer determines the exit code; the report has the details.
var errAnswersDiffer = errors.New("not all responses are identical")

func (p *program) writeReplay(r *replay.Report, output string) error {
	var err error
	if output == "json" {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(struct {
			Version int `json:"version"`
			*replay.Report
		}{1, r})
	} else {
		err = r.WriteText(p.stdout, terminal.New(p.stdout, p.environ))
	}
	if err == nil && !r.Passed() {
		return errAnswersDiffer
	}
	return err
}
