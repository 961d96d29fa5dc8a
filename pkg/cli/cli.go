// Package cli is the command line of egraft, for its own binary and for those that add
// mutators of their own to it.
//
// It puts the other packages together and prints errors, each once. It must not contain
// anything that a test of another package would need.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/mutator"
)

// Exit codes.
const (
	// ExitOK means that the command did what it was asked to.
	ExitOK = 0
	// ExitFailure means that it could not.
	ExitFailure = 1
	// ExitUsage means that the command line or a setting is wrong.
	ExitUsage = 2
)

// Main runs the program with the built-in features, which is [catalog.Builtin] for most, and
// with features that are not built in, and returns its exit code. A binary with features of
// its own is
//
//	func main() { os.Exit(cli.Main(catalog.Builtin, hello.Feature())) }
//
// Features run after the features, in their order, unless [mutator.Feature.After] says
// otherwise. The program ends in order at SIGTERM or SIGINT, and at once at the second of them.
func Main(features func(catalog.Options) []mutator.Feature, registered ...feature.Registration) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		signal.Stop(signals) // first, so that no second signal is lost on the way
		cancel()
	}()
	name, args := invocation(os.Args)
	return run(ctx, args, &program{
		name: name, features: features, registered: registered, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	})
}

// program is what commands need of the world.
type program struct {
	name           string // what a person types to call the program, egraft if it is empty
	features       func(catalog.Options) []mutator.Feature
	registered     []feature.Registration
	environ        []string
	stdin          io.Reader // may be nil
	stdout, stderr io.Writer
}

// run runs a command and prints its error.
func run(ctx context.Context, args []string, p *program) int {
	if err := feature.Validate(p.registered, ownFlags()); err != nil {
		fmt.Fprintf(p.stderr, "egraft: %v\n", err)
		return ExitFailure
	}
	cmd, err := execute(ctx, args, p)
	if err == nil {
		return ExitOK
	}
	if s := exitStatus(0); errors.As(err, &s) {
		return int(s)
	}
	fmt.Fprintf(p.stderr, "egraft: %v\n", err)
	if f := (*failure)(nil); errors.As(err, &f) {
		return ExitFailure
	}
	fmt.Fprintf(p.stderr, "See `%s --help`.\n", cmd)
	return ExitUsage
}

// exitStatus is the exit code of a command that did what it was asked to.
type exitStatus int

// Error implements the error interface.
func (s exitStatus) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// failure is an error that has nothing to do with how the command was called.
type failure struct{ error }

// Unwrap lets callers see the cause.
func (f *failure) Unwrap() error { return f.error }

// failed makes an error a failure.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{err}
}
