// Command demo shows BackendMTLSPolicy on the real Envoy Gateway and Envoy: one policy, and the
// backend sees Envoy's SVID. See usage.
//
// It has few imports, so that it runs seconds after a fresh clone. It builds everything else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/egraft/egraft/e2e/acts"
	"github.com/egraft/egraft/e2e/printer"
	"github.com/egraft/egraft/e2e/progress"
)

const usage = `demo shows BackendMTLSPolicy on the real Envoy Gateway and Envoy:
one policy, and the backend sees Envoy's SVID.

Usage: go run ./e2e/cmd/demo [-spiffe dev|spire] [-recorded] [-keep]

  -spiffe dev    a small SPIFFE issuer for development, inside the demo (default)
  -spiffe spire  a real SPIRE server and agent, built on the first run
  -recorded      first show recorded calls of Envoy Gateway, as the demo does while
                 it builds Envoy Gateway
  -keep          leave everything running at the end, until Ctrl-C

It exits with 0 only if every step succeeded, and stops what it started.
To use existing programs instead of building them, set EGRAFT_ENVOY,
EGRAFT_ENVOY_GATEWAY, EGRAFT_SPIRE_SERVER and EGRAFT_SPIRE_AGENT to their paths.
`

const spire = "spire"

// errInterrupted is the cause if the demo was interrupted.
var errInterrupted = errors.New("interrupted")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	spiffe         string
	recorded, keep bool
}

func run(args []string, stdout, stderr io.Writer) int {
	chosen, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "demo: %v\n\n%s", err, usage)
		return 2
	}
	ctx, stop := untilSignal()
	defer stop()
	display := progress.New(stdout)
	display.Indent("   ")
	d := &demo{options: chosen, Printer: printer.New(display, display.Terminal()), display: display, stdout: stdout, stderr: stderr}
	return failed(ctx, stderr, d.show(ctx))
}

// failed prints why the demo ends, unless the story has done so, and returns the exit code.
func failed(ctx context.Context, stderr io.Writer, err error) int {
	told := exited(0)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &told):
		return int(told)
	case errors.Is(context.Cause(ctx), errInterrupted):
		fmt.Fprintln(stderr, "\ndemo: interrupted")
		return acts.Interrupted
	}
	fmt.Fprintf(stderr, "\ndemo: %v\n", err)
	return 1
}

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var out options
	flags.StringVar(&out.spiffe, "spiffe", "dev", "")
	flags.BoolVar(&out.recorded, "recorded", false, "")
	flags.BoolVar(&out.keep, "keep", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if out.spiffe != "dev" && out.spiffe != spire {
		return options{}, fmt.Errorf("-spiffe %s: want dev or %s", out.spiffe, spire)
	}
	return out, nil
}

// untilSignal returns a context that ends on a signal, with [errInterrupted] as its cause.
func untilSignal() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel(errInterrupted)
	}()
	return ctx, func() { signal.Stop(signals) }
}
