package standalone

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/egraft/egraft/e2e/parts"
)

// PrepareModule builds the main package in a directory of the repository, which may be a separate
// module, for [Options.Program]. As with [Prepare], call it outside the network namespace, and call
// the returned function at the end.
func PrepareModule(ctx context.Context, name parts.Name, directory string) (clean func(), err error) {
	root, err := parts.Root()
	if err != nil {
		return nil, err
	}
	return build(ctx, name, filepath.Join(root, directory), ".")
}

// PrepareEgraft builds a main package, in the form that `go build` accepts in the working
// directory, to run as egraft. PrepareEgraft and [RememberEgraft] are for tests outside the
// repository, for which [Prepare] builds nothing.
func PrepareEgraft(ctx context.Context, pkg string) (clean func(), err error) {
	return build(ctx, egraftProgram, ".", pkg)
}

// RememberEgraft makes a program run as egraft.
func RememberEgraft(path string) error { return parts.Remember(egraftProgram, path) }

func build(ctx context.Context, name parts.Name, directory, pkg string) (clean func(), err error) {
	out, clean, err := buildDir()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(out, string(name))
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", program, pkg)
	cmd.Dir, cmd.Env = directory, append(os.Environ(), "CGO_ENABLED=0")
	if printed, err := cmd.CombinedOutput(); err != nil {
		clean()
		return nil, fmt.Errorf("go build %s in %s: %w\n%s", pkg, directory, err, printed)
	}
	if err := parts.Remember(name, program); err != nil {
		clean()
		return nil, err
	}
	return clean, nil
}
