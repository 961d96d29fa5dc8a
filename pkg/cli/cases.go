package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/cases"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/mutator"
)

const casesLong = `Write cases of the conformance kit from recorded calls: a directory for each case below DIR, usually
testdata. in.yaml is what Envoy Gateway sends if it is configured only for the feature, and out.yaml
is the current result of the feature in this program. ` + "`go test`" + ` compares from then on.

A case is the last translation of a Gateway with the calls that belong to it, if the feature does
something in them. It is named after the Gateway and the outcomes of the policies. Review both files
before you commit them: recordings contain no secrets, but names, hostnames and addresses.

The exit code is
  0  there are cases
  1  the feature does nothing in the calls, a case exists already, or the command failed
  2  the command line, a setting or a file is invalid`

const casesExample = `  # From the egraft that runs on this host
  egraft record recording.tar.gz
  egraft cases recording.tar.gz testdata --feature buffer

  # Small ones, to keep
  egraft cases recording.tar.gz testdata --feature buffer --only-changed`

func newCases(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "cases RECORDING DIR", Short: "Make cases of the conformance kit out of recorded calls",
		Long: casesLong, Example: casesExample, Args: cobra.ExactArgs(2),
	}
	flags := p.addFlags(cmd, renderSettings...)
	var m cases.Maker
	name := cmd.Flags().String("feature", "", "`name` of the feature; by default the one that is not built in")
	cmd.Flags().BoolVar(&m.OnlyChanged, "only-changed", false, "leave out resources that the feature does not change, if the result is the same without them")
	cmd.Flags().BoolVar(&m.All, "all", false, "make a case of every translation, not only of the last one of each Gateway")
	_ = cmd.RegisterFlagCompletionFunc("feature", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { // cannot fail, the flag exists
		s, err := p.load(flags)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return featureNames(s.features), cobra.ShellCompDirectiveNoFileComp
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := p.load(flags)
		if err != nil {
			return err
		}
		if m.Feature, err = p.feature(s.features, *name); err != nil {
			return err
		}
		r, err := recording.Open(args[0])
		if err != nil {
			return failed(err)
		}
		made, err := m.Make(cmd.Context(), r)
		if err != nil {
			return failed(fmt.Errorf("make cases of %s: %w", args[0], err))
		}
		return failed(p.writeCases(args[1], made))
	}
	return cmd
}

func featureNames(features []mutator.Feature) (names []string) {
	for i := range features {
		names = append(names, features[i].Name)
	}
	return names
}

// feature returns the enabled feature with a name or, without a name, the only one that is not
// built in.
func (p *program) feature(features []mutator.Feature, name string) (mutator.Feature, error) {
	if name == "" && len(p.registered) == 1 {
		name = p.registered[0].Name()
	}
	if name == "" {
		return mutator.Feature{}, fmt.Errorf("--feature is missing; it can be %s", strings.Join(featureNames(features), ", "))
	}
	i := slices.IndexFunc(features, func(f mutator.Feature) bool { return f.Name == name })
	if i < 0 {
		return mutator.Feature{}, fmt.Errorf("--feature %q is not one of %s", name, strings.Join(featureNames(features), ", "))
	}
	return features[i], nil
}

// writeCases writes all cases, or none if one exists.
func (p *program) writeCases(dir string, made []cases.Case) error {
	for _, c := range made {
		switch _, err := os.Lstat(filepath.Join(dir, c.Name)); {
		case err == nil:
			return fmt.Errorf("write cases: %s exists: remove it, or name another directory", filepath.Join(dir, c.Name))
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("write cases: %w", err)
		}
	}
	for _, c := range made {
		path := filepath.Join(dir, c.Name)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return fmt.Errorf("write cases: %w", err)
		}
		for name, text := range map[string][]byte{"in.yaml": c.In, "out.yaml": c.Out} {
			if err := os.WriteFile(filepath.Join(path, name), text, 0o644); err != nil {
				return fmt.Errorf("write cases: %w", err)
			}
		}
		fmt.Fprintf(p.stdout, "%s: calls: %d, resources: %d\n", terminal.Printable(path), c.Calls, c.Resources)
	}
	return nil
}
