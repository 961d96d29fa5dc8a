// Package builder builds egraft with the features of other modules: a program, its image, its bill
// of materials and its manifests, using the Go command.
//
// It knows nothing about what features do. It must not run the program except for the commands that
// print manifests.
package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Build describes what to build.
type Build struct {
	// Egraft is the version of egraft, or its directory.
	Egraft Module
	// Modules have the features, in the order in which they run after the built-in ones.
	Modules []Module
	// Image is the reference of the image, with a tag.
	Image string
	// Platforms are the platforms of the image, such as linux/amd64; by default, linux on the
	// architecture of this machine.
	Platforms []string
	// Args are settings for the sidecar, such as --disable-features=hedge.
	Args []string
	// Output is the directory for the results.
	Output string

	// Go runs builds, Environ is the environment of the program that prints its manifests, and Log
	// gets one line per step.
	Go      *Go
	Environ []string
	Log     io.Writer
}

// step is a step of a build with its title.
type step struct {
	title string
	run   func(context.Context) error
}

// Run runs the build.
func (b *Build) Run(ctx context.Context) error {
	if err := b.complete(); err != nil {
		return err
	}
	if err := b.clean(); err != nil {
		return err
	}
	steps := []step{
		{"find the versions of all modules", b.resolve},
		{"compile for " + strings.Join(b.Platforms, " and "), b.compile},
		{"run the conformance tests of the features", b.test},
		{"write the bill of materials", b.writeBills},
		{"write the image " + b.Image, b.writeImage},
		{"write CRDs, permissions and the kustomize component", b.manifests},
	}
	for i, s := range steps {
		if err := b.step(ctx, fmt.Sprintf("[%d/%d] %s", i+1, len(steps), s.title), s.run); err != nil {
			return err
		}
	}
	return nil
}

// tick is how often a running step reports that it is still running.
const tick = 20 * time.Second

// step runs a step and reports its duration.
func (b *Build) step(ctx context.Context, title string, run func(context.Context) error) error {
	fmt.Fprintln(b.Log, title)
	begin, done := time.Now(), make(chan error, 1)
	go func() { done <- run(ctx) }()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			fmt.Fprintf(b.Log, "      %s, still running\n", time.Since(begin).Round(time.Second))
		}
	}
}

// complete sets defaults and rejects invalid builds.
func (b *Build) complete() (err error) {
	if len(b.Modules) == 0 {
		return errors.New("no module was given")
	}
	if b.Egraft.Package = egraftModule; b.Egraft.Path == "" && b.Egraft.Version == "" {
		return errors.New("the version of egraft is missing")
	}
	if b.Output, err = filepath.Abs(b.Output); err != nil {
		return err
	}
	if len(b.Platforms) == 0 {
		b.Platforms = []string{"linux/" + runtime.GOARCH}
	}
	for _, p := range b.Platforms {
		if !slices.Contains([]string{"linux/amd64", "linux/arm64"}, p) {
			return fmt.Errorf("platform %q is not linux/amd64 or linux/arm64", p)
		}
	}
	if err := validateReference(b.Image); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i := range b.Modules {
		m := &b.Modules[i]
		if err := errors.Join(m.validate(), m.locate()); err != nil {
			return err
		}
		if seen[m.Package] {
			return fmt.Errorf("%s is listed twice", m.Package)
		}
		seen[m.Package] = true
	}
	return b.Egraft.locate()
}

// sourceDirectory is the directory of the program's code, below Output. It marks a directory as the
// output of a build.
const sourceDirectory = "src"

// clean removes the results of a previous build, and nothing else.
func (b *Build) clean() error {
	entries, err := os.ReadDir(b.Output)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(b.Output, sourceDirectory, "main.go")); err != nil {
		return fmt.Errorf("%s has files that are not from a build: choose another directory", b.Output)
	}
	names := []string{sourceDirectory, "crds", "rbac", "kustomize", "image.tar"}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "egraft") {
			names = append(names, e.Name())
		}
	}
	for _, n := range names {
		if err := os.RemoveAll(filepath.Join(b.Output, n)); err != nil {
			return err
		}
	}
	return nil
}

// program returns the path of the program for a platform.
func (b *Build) program(platform string) string {
	if len(b.Platforms) == 1 {
		return filepath.Join(b.Output, "egraft")
	}
	return filepath.Join(b.Output, "egraft-"+strings.ReplaceAll(platform, "/", "-"))
}

// compile builds the program as egraft's releases are built: static, without debug information, and
// without paths of this machine.
func (b *Build) compile(ctx context.Context) error {
	for _, p := range b.Platforms {
		if err := b.compileFor(ctx, p, b.program(p)); err != nil {
			return b.explain(err)
		}
	}
	return nil
}

func (b *Build) compileFor(ctx context.Context, platform, program string) error {
	system, architecture, _ := strings.Cut(platform, "/")
	environ := []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + architecture, "GOAMD64=v1", "GOARM64=v8.0"}
	_, err := b.Go.output(ctx, b.directory(), environ,
		"build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace", "-gcflags=all=-dwarf=false", "-ldflags", "-s -w", "-o", program, ".")
	return err
}

func (b *Build) directory() string { return filepath.Join(b.Output, sourceDirectory) }

// manifests runs the program to print its manifests. If the program is for another system or
// architecture, it compiles one for this machine first.
func (b *Build) manifests(ctx context.Context) error {
	here := runtime.GOOS + "/" + runtime.GOARCH
	program := b.program(here)
	if !slices.Contains(b.Platforms, here) {
		directory, err := os.MkdirTemp("", "egraft-build-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(directory)
		program = filepath.Join(directory, "egraft")
		if err := b.compileFor(ctx, here, program); err != nil {
			return err
		}
	}
	for _, c := range [][]string{{"crds"}, {"rbac"}, {"kustomize", "--image=" + b.Image}} {
		args := slices.Concat([]string{"config", c[0], "--output-dir", filepath.Join(b.Output, c[0])}, c[1:], b.Args)
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = b.Environ, b.Log, b.Log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
		}
	}
	return nil
}
