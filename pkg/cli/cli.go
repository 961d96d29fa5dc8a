// Package cli is the command line of egraft, for its own binary and for binaries with additional
// features.
//
// It connects the other packages and prints each error once. It must not contain anything that a
// test of another package would need.
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
	// ExitOK means that the command succeeded.
	ExitOK = 0
	// ExitFailure means that the command failed.
	ExitFailure = 1
	// ExitUsage means that the command line or a setting is invalid.
	ExitUsage = 2
)

// Main runs the program with the built-in features, usually [catalog.Builtin], and with registered
// features that are not built in, and returns its exit code. A custom binary is
//
//	func main() { os.Exit(cli.Main(catalog.Builtin, hello.Feature())) }
//
// Registered features run after the built-in ones, in their order, unless [mutator.Feature.After]
// says otherwise. The program shuts down gracefully at the first SIGTERM or SIGINT, and ends
// immediately at the second.
func Main(features func(catalog.Options) []mutator.Feature, registered ...feature.Registration) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		<-signals
		signal.Stop(signals) // first, so that a second signal during shutdown ends the program
		cancel()
	}()
	name, args := invocation(os.Args)
	return run(ctx, args, &program{
		name: name, features: features, registered: registered, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	})
}

// program has everything that commands need from outside.
type program struct {
	name           string // the name by which a user calls the program; egraft if empty
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

// exitStatus is the exit code of a command that ran without an error.
type exitStatus int

// Error implements the error interface.
func (s exitStatus) Error() string { return fmt.Sprintf("exit code %d", int(s)) }

// failure is an error that is not a usage error.
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
