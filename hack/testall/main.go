// Command testall runs the tests of all modules, as `make test` does, and prints a summary of what
// ran and what was skipped.
//
// If parts must be built first, such as SPIRE, it runs tests that do not need them during the
// build: first the unit tests, then the scenarios that need only the parts of the demo, and finally
// the rest. If all parts exist, it runs all tests of a module at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `Usage: go run ./hack/testall -modules "DIR ..." -parts "PART ..." [-then "COMMAND ..."] [-- flag of go test ...]

  -modules  the modules with tests, the first one with scenarios in ./e2e
  -parts    parts that the scenarios need, with names of ./e2e/cmd/parts; those of the demo
            come first
  -whole    run all scenarios, not only the core ones
  -demo     number of parts that the demo needs (default 2)
  -then     another test, which runs at the end
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM) //nolint:forbidigo // the process begins here
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a, err := parse(args, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "testall: %v\n\n%s", err, usage)
		return 2
	}
	missing, err := a.missing(ctx)
	if err == nil {
		if len(missing) == 0 {
			err = a.atOnce(ctx)
		} else {
			err = a.inOrder(ctx, missing)
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "testall: interrupted")
		return 130
	}
	a.results.summary(stdout, time.Since(a.begun))
	if err != nil {
		fmt.Fprintf(stderr, "testall: %v\n", err)
		return 1
	}
	return 0
}

// all is a run of all tests.
type all struct {
	modules, parts, then, flags []string
	demo                        int
	whole                       bool
	out                         io.Writer
	begun                       time.Time
	results                     *results
	command                     func(ctx context.Context, c call) error
	newDir                      func(dir, pattern string) (string, error)
}

func parse(args []string, out io.Writer) (*all, error) {
	a := &all{out: out, begun: time.Now(), results: newResults(), command: execute, newDir: os.MkdirTemp}
	flags := flag.NewFlagSet("testall", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	list := func(name string, into *[]string) {
		flags.Func(name, "", func(s string) error { *into = strings.Fields(s); return nil })
	}
	list("modules", &a.modules)
	list("parts", &a.parts)
	list("then", &a.then)
	flags.IntVar(&a.demo, "demo", 2, "")
	flags.BoolVar(&a.whole, "whole", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	a.flags, a.results.whole = flags.Args(), a.whole
	if len(a.modules) == 0 || len(a.parts) < a.demo {
		return nil, errors.New("name modules and parts")
	}
	return a, nil
}
