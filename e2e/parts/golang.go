package parts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// modulePath is the module whose directory is the root of the repository.
const modulePath = "github.com/egraft/egraft"

// program is a command of another module, in the version that the module in hack/tools pins.
type program struct {
	variable    string // of the environment, with the path of an existing binary
	module      string // below hack/tools
	pkg         string
	pins        []string // in addition to the module's own files
	lasts       string   // on two cores, for display
	cgo         bool
	needs       []need // in addition to Go and, for cgo, a C compiler
	tags        string
	unoptimized []string // patterns of packages that are compiled without optimization
	cflags      string   // for the C compiler, in place of Go's defaults
	ldflags     string   // in addition to those that omit symbols
}

// recipe returns a recipe that builds it with the go command.
func (p program) recipe() recipe {
	needs, env := append([]need{golang}, p.needs...), []string{"CGO_ENABLED=0"}
	if p.cgo {
		needs, env = append(needs, cCompiler), []string{"CGO_ENABLED=1", "CGO_CFLAGS=" + p.cflags}
	}
	flags := []string{"build", "-mod=readonly", "-buildvcs=false", "-trimpath", noDWARF, "-ldflags", strings.TrimSpace("-s -w " + p.ldflags)}
	if p.tags != "" {
		flags = append(flags, "-tags", p.tags)
	}
	for _, pattern := range p.unoptimized {
		flags = append(flags, "-gcflags="+pattern+"=-N -l -dwarf=false")
	}
	return recipe{
		variable: p.variable, module: p.module, pins: append([]string{"go.mod", "go.sum"}, p.pins...), lasts: p.lasts, needs: needs,
		method: slices.Concat(env, []string{p.pkg}, flags),
		make: func(ctx context.Context, j job, binary string) error {
			return compilation{
				dir: j.module, env: append([]string{"GOFLAGS=", "GOWORK=off"}, env...), flags: flags[1:], out: binary, packages: []string{p.pkg}, nice: j.nice,
			}.run(ctx, j.task, j.log)
		},
	}
}

// noDWARF omits debugging information, which the linker would drop. Compilation takes an eighth less
// time.
const noDWARF = "-gcflags=all=-dwarf=false"

// ownTags are the build tags of hack/build.sh. Envoy Gateway has them, too: it shares packages with
// egraft, which are compiled once.
const ownTags = "grpcnotrace"

// BuildCommand builds a command of this repository, such as "./cmd/egraft", without cgo and
// with the tag of hack/build.sh. Go's own cache makes it fast when nothing changed.
func (s *Store) BuildCommand(ctx context.Context, pkg, binary string) error {
	return s.buildOwn(ctx, binary, pkg)
}

// BuildCommands is [Store.BuildCommand] for several commands, into a directory.
func (s *Store) BuildCommands(ctx context.Context, dir string, packages ...string) error {
	return s.buildOwn(ctx, dir+string(filepath.Separator), packages...)
}

func (s *Store) buildOwn(ctx context.Context, out string, packages ...string) error {
	var log bytes.Buffer
	task := s.progress.Task("go build " + strings.Join(packages, " "))
	err := compilation{
		dir: s.root, env: []string{"CGO_ENABLED=0"}, flags: []string{"-trimpath", "-buildvcs=false", noDWARF, "-tags", ownTags},
		out: out, packages: packages,
	}.run(ctx, task, &log)
	task.End()
	if errors.Is(err, exec.ErrNotFound) {
		return missing(golang, err)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(log.Bytes()))
	}
	return nil
}

// Root returns the root of the repository, searching upwards from the working directory.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(content), "module "+modulePath+"\n") {
			return dir, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("find the repository: %w", err)
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside the repository of %s", start, modulePath)
		}
	}
}
