package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/egraft/egraft/internal/builder"
	"github.com/egraft/egraft/internal/manifest"
	"github.com/egraft/egraft/internal/scaffold"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/catalog"
)

const newLong = `Write a Go module with a feature: the Go type of a custom resource, its CRD, the feature, five
cases of the conformance kit, a program, a Makefile and a CI workflow. It sets a header in
responses; replace this with what you need. Its tests pass immediately.

NAME is the name of the feature, in lowercase words separated by dashes. The custom resource of
"hello" is HelloPolicy or HelloFilter. The command needs Go to find the versions of the modules
that the new module uses.`

const newPolicyLong = `Write a Go module with a policy: a custom resource that is attached to Gateways, listeners,
HTTPRoutes, GRPCRoutes and their rules.

` + newLong

const newFilterLong = `Write a Go module with a route filter: a custom resource to which rules of HTTPRoutes and
GRPCRoutes refer by an ExtensionRef.

` + newLong

func newNew(p *program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "new", Short: "Write a Go module with your own feature", Long: newLong,
		Example: "  egraft new policy hello\n  egraft new filter hello --module example.com/hello --group example.com", Args: oneOf, RunE: help,
	}
	cmd.AddCommand(
		newModule(p, "policy", newPolicyLong, "Write a Go module with your own policy"),
		newModule(p, "filter", newFilterLong, "Write a Go module with your own route filter"),
	)
	return cmd
}

func newModule(p *program, kind, long, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: kind + " NAME", Short: short, Long: long,
		Example: "  # In the directory hello\n  egraft new " + kind + " hello --module github.com/you/hello --group example.com\n\n" +
			"  # With egraft's source instead of a release\n  egraft new " + kind + " hello --egraft ../egraft",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes one name, but got %d", cmd.CommandPath(), len(args))
			}
			return nil
		},
	}
	m := &scaffold.Module{Kind: kind}
	cmd.Flags().StringVar(&m.Path, "module", "", "path of the Go module (default example.com/NAME)")
	cmd.Flags().StringVar(&m.Group, "group", "example.com", "API group of the custom resource")
	directory := cmd.Flags().StringP("output-dir", "o", "", "directory to write to; it must be empty or missing (default NAME)")
	egraft := cmd.Flags().String("egraft", "", "version of egraft, or the directory of its source; by default the version of this program")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		m.Name = strings.TrimSuffix(args[0], "-"+kind)
		return p.newModule(cmd.Context(), m, *directory, *egraft)
	}
	return cmd
}

func (p *program) newModule(ctx context.Context, m *scaffold.Module, directory, egraft string) error {
	if m.Path == "" {
		m.Path = "example.com/" + m.Name
	}
	var features []string
	for _, f := range p.features(catalog.Everything()) {
		features = append(features, f.Name)
	}
	if err := m.Validate(features); err != nil {
		return err
	}
	var err error
	if m.Egraft, m.Replace, err = egraftSource(egraft); err != nil {
		return err
	}
	m.Go = languageVersion(runtime.Version())
	if directory == "" {
		directory = m.Name
	}
	if entries, err := os.ReadDir(directory); err == nil && len(entries) > 0 {
		return failed(fmt.Errorf("write a module to %s: it is not empty", directory))
	}
	if err := writeModule(m, directory); err != nil {
		return failed(fmt.Errorf("write a module: %w", err))
	}
	return failed(p.tidy(ctx, m, directory))
}

// languageVersion returns the go.mod version of the Go that built this program.
func languageVersion(release string) string {
	if found := regexp.MustCompile(`^go(1\.[0-9]+\.[0-9]+)\b`).FindStringSubmatch(release); found != nil {
		return found[1]
	}
	return "1.26.0" // go mod tidy raises it to egraft's minimum
}

func writeModule(m *scaffold.Module, directory string) error {
	files, err := m.Files()
	if err != nil {
		return err
	}
	var out []manifest.File
	for _, f := range files {
		out = append(out, manifest.File(f))
	}
	return writeFiles(out, directory)
}

// tidy resolves the module's dependencies, and prints the next steps.
func (p *program) tidy(ctx context.Context, m *scaffold.Module, directory string) error {
	fmt.Fprintf(p.stderr, "%s is in %s\n", m.KindName(), directory)
	tool, err := builder.FindGo(p.environ)
	if err == nil {
		fmt.Fprintln(p.stderr, "go mod tidy")
		err = tool.Run(ctx, directory, "mod", "tidy")
	}
	if err != nil {
		return fmt.Errorf("the module is written; run `go mod tidy` in it before its tests: %w", err)
	}
	return p.printLines([]string{
		"Next:",
		"  cd " + directory,
		"  make test    # vet, and run the five cases of testdata",
		"  make dist    # a program, its image, CRDs and permissions in dist",
	})
}

// pinned matches versions that the Go command can fetch.
var pinned = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// egraftSource returns the version of egraft that a module requires, and the directory that
// replaces it, if egraft is one.
func egraftSource(egraft string) (require, replace string, err error) {
	if egraft == "" {
		if egraft = version.Read().Version; !pinned.MatchString(egraft) {
			return "", "", fmt.Errorf("this egraft is %s, which is not a release: pass a version or the directory of egraft's source with --egraft", egraft)
		}
	}
	if pinned.MatchString(egraft) {
		return egraft, "", nil
	}
	directory, err := filepath.Abs(egraft)
	if err != nil {
		return "", "", err
	}
	if path, err := builder.ModuleOf(directory); err != nil || path != version.Module {
		return "", "", errors.New("--egraft " + egraft + " is neither a version, such as v0.1.0, nor the directory of egraft's source")
	}
	return "v0.0.0", directory, nil
}
