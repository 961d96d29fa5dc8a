package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is the time that an interrupted command has to end.
const stopTime = 30 * time.Second

// limit is the time that the tests of a package may take. A few need more than Go's ten minutes with the
// race detector on a busy machine, and all scenarios nearly forty.
const limit = "60m"

// scenarios is the package with most of the tests that need parts.
const scenarios = "./e2e"

// tags are the build tags of scenarios, with that of egraft's programs.
const tags = "e2e,grpcnotrace"

// tagged are the packages with tests that need parts or other programs. A test checks the list.
var tagged = []string{"./deploy", "./e2e/chart", "./hack/charts", "./internal/page", scenarios}

// onEnvoy lists the packages with tests that [e2etest] runs on the real Envoy, by module, and
// onEnvoyOnly is the reason with which these tests are skipped. Tests check both.
//
// [e2etest]: https://pkg.go.dev/github.com/egraft/egraft/pkg/e2etest
var onEnvoy = map[string]string{".": "./pkg/e2etest", "examples/policy-mutator": ".", "examples/route-filter": "."}

const onEnvoyVariable, onEnvoyOnly = "EGRAFT_E2ETEST=required", "needs EGRAFT_E2ETEST=1"

// call is a command to run.
type call struct {
	dir     string
	environ []string // in addition to this process's
	args    []string
	out     io.Writer
	errs    io.Writer // if nil, out
}

// execute runs a command, and interrupts it when the context ends.
func execute(ctx context.Context, c call) error {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(os.Environ(), c.environ...), c.out, c.out
	if c.errs != nil {
		cmd.Stderr = c.errs
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = stopTime
	return cmd.Run()
}

// missing returns the parts that must be obtained.
func (a *all) missing(ctx context.Context) ([]string, error) {
	var out bytes.Buffer // only names: go reports downloads on stderr
	if err := a.command(ctx, call{args: append([]string{"go", "run", "./e2e/cmd/parts", "-missing"}, a.parts...), out: &out, errs: a.out}); err != nil {
		return nil, fmt.Errorf("look for parts: %w", err)
	}
	return strings.Fields(out.String()), nil
}

// environ returns the environment that skips the scenarios that are not core, unless all are to
// run.
func (a *all) environ(more ...string) []string {
	if a.whole {
		return more
	}
	return append([]string{"EGRAFT_E2E_SCENARIOS=core"}, more...)
}

// atOnce runs everything, module by module; tests of several packages run in parallel.
func (a *all) atOnce(ctx context.Context) error {
	var err error
	for _, module := range a.modules {
		err = errors.Join(err, a.test(ctx, call{dir: module, environ: a.environ(onEnvoyVariable)}, "-tags", tags, "./..."))
	}
	return errors.Join(err, a.last(ctx))
}

// inOrder first runs what needs no parts, then what needs the parts of the demo, and finally each
// group of the other scenarios as soon as its parts exist.
func (a *all) inOrder(ctx context.Context, missing []string) error {
	fmt.Fprintf(a.out, "testall: tests that need none of these run first, while they are built: %s\n", strings.Join(missing, ", "))
	building := a.build(ctx)
	var err error
	for _, module := range a.modules {
		err = errors.Join(err, a.test(ctx, call{dir: module}, "./..."))
	}
	others := slices.DeleteFunc(slices.Clone(tagged), func(p string) bool { return p == scenarios })
	err = errors.Join(err, a.test(ctx, call{}, append([]string{"-tags", tags}, others...)...))
	built, clean, dirErr := a.buildDir()
	if dirErr != nil {
		return errors.Join(err, dirErr)
	}
	defer clean()
	if _, ok := building.first(group{needs: a.parts[:a.demo]}); ok {
		a.results.forget(onEnvoyOnly)
		for _, module := range a.modules {
			if pkg := onEnvoy[module]; pkg != "" {
				err = errors.Join(err, a.test(ctx, call{dir: module, environ: []string{onEnvoyVariable}}, pkg))
			}
		}
		err = errors.Join(err, a.test(ctx, call{environ: a.environ("EGRAFT_E2E_PARTS=demo", built)}, "-tags", tags, scenarios))
	}
	for later := a.results.later(); len(later) > 0; {
		i, ok := building.first(later...)
		if !ok {
			break // the summary lists the rest
		}
		a.results.forget(later[i].reason)
		for _, sub := range slices.Sorted(maps.Keys(later[i].tests)) {
			pattern := "^(" + strings.Join(later[i].tests[sub], "|") + ")$"
			if sub != "" {
				pattern += "/^" + sub + "$"
			}
			err = errors.Join(err, a.test(ctx, call{environ: append(later[i].environ(), built)}, "-tags", tags, "-run", pattern, scenarios))
		}
		later = slices.Delete(later, i, i+1)
	}
	return errors.Join(err, building.wait(), a.last(ctx))
}

// buildDir returns the variable with a directory for the programs that the scenarios run, so that
// they are linked once. Only runs of the scenarios may share it, one after the other.
func (a *all) buildDir() (variable string, clean func(), err error) {
	dir, err := a.newDir("", "egraft-testall-")
	if err != nil {
		return "", nil, fmt.Errorf("make a directory to build in: %w", err)
	}
	return "EGRAFT_E2E_BUILD=" + dir, func() { _ = os.RemoveAll(dir) }, nil
}

// last runs the final command.
func (a *all) last(ctx context.Context) error {
	if len(a.then) == 0 {
		return nil
	}
	err := a.command(ctx, call{args: a.then, out: a.out})
	a.results.other(strings.Join(a.then, " "), err)
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(a.then, " "), err)
	}
	return nil
}

// test runs go test and processes its events.
func (a *all) test(ctx context.Context, c call, args ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.args = slices.Concat([]string{"go", "test", "-json", "-timeout", limit}, a.flags, args)
	events := &events{results: a.results, out: a.out}
	c.out = events
	err := a.command(ctx, c)
	events.end()
	if err != nil {
		return fmt.Errorf("%s in %s: %w", strings.Join(slices.Concat([]string{"go", "test"}, a.flags, args), " "), c.dir+"/", err)
	}
	return nil
}

// building is the build of parts while tests run.
type building struct {
	err error // valid when it ended

	mu       sync.Mutex
	progress *sync.Cond // each part, and the end
	obtained map[string]bool
	ended    bool
}

// build begins to obtain the parts.
func (a *all) build(ctx context.Context) *building {
	b := &building{obtained: map[string]bool{}}
	b.progress = sync.NewCond(&b.mu)
	from, to := io.Pipe()
	go func() {
		b.err = a.command(ctx, call{args: append([]string{"go", "run", "./e2e/cmd/parts", "-yield"}, a.parts...), out: to})
		if b.err != nil {
			b.err = fmt.Errorf("obtain parts: %w", b.err)
		}
		_ = to.Close()
	}()
	go func() {
		lines := bufio.NewScanner(from)
		for lines.Scan() {
			fmt.Fprintf(a.out, "parts: %s\n", lines.Text())
			if name, path, ok := strings.Cut(lines.Text(), " "); ok && strings.HasPrefix(path, "/") { // "envoy /path"
				b.note(func() { b.obtained[name] = true })
			}
		}
		_, _ = io.Copy(a.out, from)       // the rest, if a line is too long for the scanner
		b.note(func() { b.ended = true }) // the pipe ends after the error is set
	}()
	return b
}

func (b *building) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	b.progress.Broadcast()
}

// first waits until the parts of one of some groups exist, and returns its index. It returns false
// if none of them will.
func (b *building) first(groups ...group) (int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		i := slices.IndexFunc(groups, func(g group) bool {
			return !slices.ContainsFunc(g.needs, func(name string) bool { return !b.obtained[name] })
		})
		switch {
		case i >= 0:
			return i, true
		case b.ended:
			return 0, b.err == nil
		}
		b.progress.Wait()
	}
}

// wait waits for all parts.
func (b *building) wait() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.ended {
		b.progress.Wait()
	}
	return b.err
}
