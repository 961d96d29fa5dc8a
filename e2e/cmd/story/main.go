// Command story runs the steps of the demo, in its own network namespace. It obtains nothing:
// cmd/demo builds it and everything that it needs.
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

// patience is the timeout of each step.
const patience = 90 * time.Second

// errInterrupted is the cause if the demo was interrupted.
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
