//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/e2e/parts"
)

// ownModules are the modules of this repository, by their directories, with a package that programs of users import.
var ownModules = map[string]string{
	".": "github.com/egraft/egraft/pkg/cli", "examples/policy-mutator": "github.com/egraft/egraft/examples/policy-mutator/retrybudget",
	"examples/route-filter": "github.com/egraft/egraft/examples/route-filter/staticdelay",
}

// downloadModules downloads the modules that `go mod tidy` reads for a module which uses this one, as `egraft build`
// and `egraft new` write it, while the network is available. Some have other versions than in this repository.
func downloadModules(ctx context.Context) (err error) {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "egraft-modules-")
	if err != nil {
		return fmt.Errorf("make a directory for a module: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// Without a version of Go, the whole graph of modules would be downloaded.
	module, source := "module egraft\n\ngo 1.26.0\n", "package main\n\nimport _ \"github.com/egraft/egraft/pkg/e2etest\"\n"
	for sub, pkg := range ownModules {
		path := pkg[:strings.LastIndex(pkg, "/")]
		if sub == "." {
			path = "github.com/egraft/egraft"
		}
		module += fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %q\n", path, path, filepath.Join(root, sub))
		source += fmt.Sprintf("\nimport _ %q\n", pkg)
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte(source+"\nfunc main() {}\n"), 0o600),
	)
	if err != nil {
		return err
	}
	return command(ctx, "go", "-C", dir, "mod", "tidy")
}
