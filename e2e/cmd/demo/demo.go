package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/e2e/acts"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/printer"
	"github.com/egraft/egraft/e2e/progress"
)

// demo obtains what the story needs, and runs it.
type demo struct {
	options
	*printer.Printer
	display        *progress.Display
	stdout, stderr io.Writer

	store *parts.Store
	dir   string // of programs of this repository
	next  int    // number of the next step
}

// show runs the demo. Slow tasks start first but have low priority: the download of Envoy needs no
// processor time, and Envoy Gateway's build yields to the other builds.
func (d *demo) show(ctx context.Context) (err error) {
	if err := os.Setenv(acts.BeganVariable, time.Now().Format(time.RFC3339Nano)); err != nil {
		return fmt.Errorf("note when the demo began: %w", err)
	}
	if d.store, err = parts.NewStore(d.display); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "egraft-build-"); err != nil {
		return fmt.Errorf("make a directory to build in: %w", err)
	}
	defer os.RemoveAll(d.dir)
	d.next = 1
	d.Title("egraft: one policy, and the backend sees Envoy's SVID")
	if !d.recorded && d.store.Has(ctx, parts.EnvoyGateway) {
		return d.real(ctx)
	}
	return d.both(ctx)
}

// slow returns the parts that take minutes to build.
func (d *demo) slow() []parts.Name {
	out := []parts.Name{parts.EnvoyGateway}
	if d.spiffe == spire {
		out = append(out, parts.SPIREServer, parts.SPIREAgent)
	}
	return out
}

// names returns the parts other than Envoy, for display.
func (d *demo) names() string {
	if d.spiffe == spire {
		return "Envoy Gateway and SPIRE"
	}
	return "Envoy Gateway"
}

// real obtains everything, and runs the act with the real Envoy Gateway.
func (d *demo) real(ctx context.Context) error {
	obtained := make(chan struct{})
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(obtained)
		return step(1, d.store.Prepare(grouped, append(d.slow(), parts.Envoy)...))
	})
	group.Go(func() error {
		what := "Build egraft; obtain Envoy " + parts.EnvoyVersion + " and " + d.names()
		return d.obtain(grouped, what, "The real programs. They are kept for the next run.", obtained, "./e2e/cmd/story", "./e2e/cmd/echo", "./cmd/egraft")
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return d.act(ctx, acts.Real, d.arguments()...)
}

// both runs the act with recorded calls as soon as possible, then the real one.
func (d *demo) both(ctx context.Context) error {
	group, grouped := errgroup.WithContext(ctx)
	downloaded, built := make(chan struct{}), make(chan struct{})
	group.Go(func() error {
		defer close(downloaded)
		return step(1, d.store.Prepare(grouped, parts.Envoy))
	})
	group.Go(func() error {
		defer close(built)
		return d.store.Yielding().Prepare(grouped, d.slow()...)
	})
	group.Go(func() error { return d.first(grouped, downloaded, built) })
	if err := group.Wait(); err != nil {
		return err
	}
	return d.act(ctx, acts.Real, d.arguments()...)
}

// first runs everything before the act with the real Envoy Gateway.
func (d *demo) first(ctx context.Context, downloaded, built <-chan struct{}) error {
	what, why := "Download Envoy "+parts.EnvoyVersion+", build egraft's engine", "The first steps need these two. The build of "+d.names()+" has started as well."
	if err := d.obtain(ctx, what, why, downloaded, "./e2e/cmd/story", "./e2e/cmd/echo"); err != nil {
		return err
	}
	if err := d.act(ctx, acts.Recorded); err != nil {
		return err
	}
	d.next += acts.RecordedSteps
	d.Title("\nSo far, recorded calls. From here on, Envoy Gateway itself.")
	return d.obtain(ctx, "Build egraft and "+d.names(), "Only once: they are kept for the next run.", built, "./cmd/egraft")
}

// obtain is a step that builds programs of this repository, and waits for others.
func (d *demo) obtain(ctx context.Context, what, why string, obtained <-chan struct{}, packages ...string) error {
	number := d.next
	d.next++
	d.Step(number, what, why)
	if err := d.build(ctx, packages...); err != nil {
		return step(number, err)
	}
	<-obtained
	if ctx.Err() != nil { // the part's error
		return context.Cause(ctx)
	}
	d.Done()
	return nil
}

// step adds the number of the failed step to an error.
func step(number int, err error) error {
	if err != nil {
		return fmt.Errorf("step %d: %w", number, err)
	}
	return nil
}

// build builds programs of this repository, which are named after the last elements of their paths.
func (d *demo) build(ctx context.Context, packages ...string) error {
	if err := d.store.BuildCommands(ctx, d.dir, packages...); err != nil {
		return err
	}
	for _, pkg := range packages {
		name := filepath.Base(pkg)
		if err := parts.Remember(parts.Name(name), filepath.Join(d.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// arguments returns the arguments of the act with the real Envoy Gateway.
func (d *demo) arguments() []string {
	out := []string{"-spiffe", d.spiffe}
	if d.keep {
		out = append(out, "-keep")
	}
	return out
}

// act runs an act, which uses the terminal meanwhile.
func (d *demo) act(ctx context.Context, name string, arguments ...string) error {
	d.display.Pause()
	defer d.display.Resume()
	arguments = append([]string{"-act", name, "-first", strconv.Itoa(d.next)}, arguments...)
	return tell(ctx, filepath.Join(d.dir, "story"), d.stdout, d.stderr, arguments...)
}
