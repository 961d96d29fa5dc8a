// Command demo shows the main job of egraft on the real Envoy Gateway and
// Envoy: one policy, and the backend sees Envoy's SVID. See usage.
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
	"time"

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/standalone"
)

const usage = `demo shows the main job of egraft on the real Envoy Gateway and Envoy:
one policy, and the backend sees Envoy's SVID.

Usage: go run ./e2e/cmd/demo [-spiffe dev|spire] [-keep]

  -spiffe dev    a small SPIFFE issuer for development, inside the demo (default)
  -spiffe spire  a real SPIRE server and agent, built the first time
  -keep          leave everything running at the end, until Ctrl-C

It exits with 0 only if every step was as it should be, and stops what it started.
Parts that you have need not be built: set EGRAFT_ENVOY, EGRAFT_ENVOY_GATEWAY,
EGRAFT_SPIRE_SERVER and EGRAFT_SPIRE_AGENT to their paths.
`

// patience bounds each step but the first, in which parts may have to be built.
const patience = 90 * time.Second

// interrupted is the exit code of a demo that was told to stop, as of a program
// that SIGINT ended.
const interrupted = 130

// errInterrupted is why a demo ends that was told to stop.
var errInterrupted = errors.New("interrupted")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	mode standalone.SPIFFEMode
	keep bool
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
	s := &story{printer: newPrinter(stdout), mode: chosen.mode}
	if !netns.Inside() {
		clean, err := s.obtain(ctx)
		if err != nil {
			return s.failed(ctx, stderr, err)
		}
		defer clean()
		stop() // from here on, netns passes signals on
	}
	return netns.Run(func() int { return s.tell(ctx, chosen.keep, stderr) })
}

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	mode := flags.String("spiffe", string(standalone.Dev), "")
	keep := flags.Bool("keep", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	out := options{mode: standalone.SPIFFEMode(*mode), keep: *keep}
	if out.mode != standalone.Dev && out.mode != standalone.SPIRE {
		return options{}, fmt.Errorf("-spiffe %s: want %s or %s", *mode, standalone.Dev, standalone.SPIRE)
	}
	return out, nil
}

// untilSignal is a context that a signal ends, with [errInterrupted] as cause.
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
