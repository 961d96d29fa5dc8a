// Command story tells what the demo shows. It runs in a network namespace of its own and
// obtains nothing: cmd/demo builds it and all that it needs.
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

	"github.com/egraft/egraft/e2e/acts"
	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/printer"
	"github.com/egraft/egraft/e2e/standalone"
)

// patience bounds each step.
const patience = 90 * time.Second

// errInterrupted is why a demo ends that was told to stop.
var errInterrupted = errors.New("interrupted")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	act   string
	first int // number of the first step
	mode  standalone.SPIFFEMode
	keep  bool
}

func run(args []string, stdout, stderr io.Writer) int {
	chosen, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "story: %v\n", err)
		return 2
	}
	return netns.Run(func() int {
		ctx, stop := untilSignal()
		defer stop()
		s := &story{Printer: printer.New(stdout, printer.IsTerminal(stdout)), mode: chosen.mode, first: chosen.first}
		return s.tell(ctx, chosen, stderr)
	})
}

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("story", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	var out options
	flags.StringVar(&out.act, "act", acts.Real, "")
	flags.IntVar(&out.first, "first", 1, "")
	flags.StringVar((*string)(&out.mode), "spiffe", string(standalone.Dev), "")
	flags.BoolVar(&out.keep, "keep", false, "")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if out.act != acts.Recorded && out.act != acts.Real {
		return options{}, fmt.Errorf("-act %s: want %s or %s", out.act, acts.Recorded, acts.Real)
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
