package builder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// resolve writes the program's code, and makes the Go command select the versions of all modules.
func (b *Build) resolve(ctx context.Context) error {
	if err := b.writeSource(b.directory()); err != nil {
		return err
	}
	if err := b.get(ctx); err != nil {
		return b.explain(err)
	}
	if err := b.Go.Run(ctx, b.directory(), "mod", "tidy"); err != nil {
		return b.explain(err)
	}
	return b.demands(ctx)
}

// get requires the requested versions. If that is impossible, the Go command reports which module
// requires a different one.
func (b *Build) get(ctx context.Context) error {
	args := []string{"get"}
	if b.Egraft.Path == "" {
		args = append(args, egraftModule+"@"+b.Egraft.Version)
	}
	for _, m := range b.Modules {
		if m.Path == "" {
			version := m.Version
			if version == "" {
				version = "latest"
			}
			args = append(args, m.Package+"@"+version)
		}
	}
	if len(args) == 1 {
		return nil
	}
	err := b.Go.Run(ctx, b.directory(), args...)
	if failed := (*goError)(nil); errors.As(err, &failed) {
		if conflicts := conflictsIn(failed.printed); len(conflicts) > 0 {
			return fmt.Errorf("the modules require other versions than the ones you named:\n  %s\nName the required version, or another version of the module that requires it",
				strings.Join(conflicts, "\n  "))
		}
	}
	return err
}

// conflictsIn returns the lines of `go get` that name modules requiring a version other than the
// requested one: "go: a@v1 requires b@v2, not b@v1".
func conflictsIn(printed string) (out []string) {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "go: "))
		if strings.Contains(line, " requires ") && strings.Contains(line, ", not ") {
			out = append(out, line)
		}
	}
	return out
}

// demands prints which versions of egraft the modules require: the program contains the highest
// one. It must be the requested one.
func (b *Build) demands(ctx context.Context) error {
	graph, err := b.Go.output(ctx, b.directory(), nil, "mod", "graph")
	if err != nil {
		return err
	}
	listed, err := b.Go.output(ctx, b.directory(), nil, "list", "-m", egraftModule)
	if err != nil {
		return err
	}
	selected, demands := strings.TrimSpace(string(listed)), demandsOf(egraftModule, string(graph))
	_, version, _ := strings.Cut(selected, " ")
	if asked := b.Egraft.Version; b.Egraft.Path == "" && strings.HasPrefix(asked, "v") && version != asked {
		return fmt.Errorf("the modules require %s, not %s:\n  %s", selected, asked, strings.Join(demands, "\n  "))
	}
	for _, line := range append([]string{selected}, demands...) {
		fmt.Fprintf(b.Log, "      %s\n", line)
	}
	return nil
}

// demandsOf returns which modules of a graph require which version of a module, except the main module.
func demandsOf(module, graph string) (out []string) {
	for line := range strings.Lines(graph) {
		who, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		path, version, _ := strings.Cut(what, "@")
		if path == module && strings.Contains(who, "@") {
			out = append(out, fmt.Sprintf("%s requires %s", who, version))
		}
	}
	slices.Sort(out)
	return out
}

// explain replaces a compiler error by a clearer one if the cause is a package without Features.
func (b *Build) explain(err error) error {
	failed := (*goError)(nil)
	if !errors.As(err, &failed) {
		return err
	}
	for i, m := range b.Modules {
		switch {
		case strings.Contains(failed.printed, "undefined: "+alias(i)+".Features"):
			return fmt.Errorf("package %s has no func Features() []feature.Registration, by which a build finds its features", m.Package)
		case strings.Contains(failed.printed, fmt.Sprintf("import %q is a program, not an importable package", m.Package)):
			return fmt.Errorf("package %s is a program: name the package with func Features() []feature.Registration", m.Package)
		}
	}
	return err
}

// test runs the tests of all packages of the modules that are part of the program, with its module
// versions, and checks the features together.
func (b *Build) test(ctx context.Context) error {
	packages, err := b.packages(ctx)
	if err != nil {
		return err
	}
	printed, err := b.Go.output(ctx, b.directory(), nil, append([]string{"test", "."}, packages...)...)
	if err != nil {
		return fmt.Errorf("a feature does not conform: %w", err)
	}
	for line := range strings.Lines(string(printed)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "?" {
			fmt.Fprintf(b.Log, "      %s has no tests\n", fields[1])
		}
	}
	return nil
}

// packages returns the packages of the modules that are part of the program.
func (b *Build) packages(ctx context.Context) (out []string, err error) {
	listed, err := b.Go.output(ctx, b.directory(), nil, "list", "-deps", "-f", "{{with .Module}}{{$.ImportPath}} {{.Path}}{{end}}", ".")
	if err != nil {
		return nil, err
	}
	module := map[string]string{} // of each package
	for line := range strings.Lines(string(listed)) {
		if pkg, path, found := strings.Cut(strings.TrimSpace(line), " "); found {
			module[pkg] = path
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(module)) {
		ours := slices.ContainsFunc(b.Modules, func(m Module) bool { return module[m.Package] == module[pkg] })
		if ours && module[pkg] != egraftModule {
			out = append(out, pkg)
		}
	}
	return out, nil
}

// billFile returns the path of a program's bill of materials.
func billFile(program string) string {
	return filepath.Join(filepath.Dir(program), filepath.Base(program)+".cdx.json")
}
