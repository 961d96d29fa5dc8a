package standalone

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/egraft/egraft/e2e/parts"
)

// Programs of this repository, in addition to the parts.
const (
	egraftProgram parts.Name = "egraft"
	echoProgram   parts.Name = "echo"
)

// own maps the programs of this repository to their packages.
var own = map[parts.Name]string{egraftProgram: "./cmd/egraft", echoProgram: "./e2e/cmd/echo"}

// programs maps programs to their paths.
type programs map[parts.Name]string

// Prepare obtains and builds everything that [Start] runs in the given modes. Call it outside the
// network namespace, and call the returned function at the end.
func Prepare(ctx context.Context, progress io.Writer, modes ...SPIFFEMode) (clean func(), err error) {
	store, err := parts.NewStore(progress)
	if err != nil {
		return nil, err
	}
	dir, clean, err := buildDir()
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, store, dir, modes); err != nil {
		clean()
		return nil, err
	}
	return clean, nil
}

// buildVariable is the environment variable with a directory for the programs of this repository, if
// several processes that do not overlap need them: `go build` does not link what is up to date.
const buildVariable = "EGRAFT_E2E_BUILD"

// buildDir returns that directory or a new one, which clean removes.
func buildDir() (dir string, clean func(), err error) {
	if dir = os.Getenv(buildVariable); dir != "" {
		return dir, func() {}, nil
	}
	if dir, err = os.MkdirTemp("", "egraft-build-"); err != nil {
		return "", nil, fmt.Errorf("make a directory to build in: %w", err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }, nil // in the system's temporary directory
}

func prepare(ctx context.Context, store *parts.Store, dir string, modes []SPIFFEMode) error {
	out := programs{}
	wanted := []parts.Name{parts.Envoy, parts.EnvoyGateway}
	for _, mode := range modes {
		if mode == SPIRE {
			wanted = append(wanted, parts.SPIREServer, parts.SPIREAgent)
		}
	}
	for _, name := range wanted {
		path, err := store.Get(ctx, name)
		if err != nil {
			return err
		}
		out[name] = path
	}
	if err := store.BuildCommands(ctx, dir, slices.Collect(maps.Values(own))...); err != nil {
		return err
	}
	for name := range own {
		out[name] = filepath.Join(dir, string(name))
	}
	for name, path := range out {
		if err := parts.Remember(name, path); err != nil {
			return err
		}
	}
	return nil
}

// prepared returns the programs that Prepare prepared for an environment, and that PrepareModule
// did if there is an additional program.
func prepared(o Options) (programs, error) {
	wanted := []parts.Name{egraftProgram, parts.Envoy, parts.EnvoyGateway}
	if len(o.Backends) > 0 {
		wanted = append(wanted, echoProgram)
	}
	if o.WithoutGateway {
		wanted = []parts.Name{echoProgram, parts.Envoy}
	}
	if o.Program != "" {
		wanted = append(wanted, o.Program)
	}
	if o.SPIFFE == SPIRE {
		wanted = append(wanted, parts.SPIREServer, parts.SPIREAgent)
	}
	return parts.Prepared(wanted...)
}
