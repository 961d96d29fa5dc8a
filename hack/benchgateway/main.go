// Command benchgateway measures the cost of an extension server for the real Envoy Gateway with a
// real API server: without an extension server, with a plain one, with one that returns the bytes
// unmodified or with copies of clusters, and with egraft. It repeatedly changes one of many routes,
// and reports the time until each change is in the xDS snapshot and the duration of Envoy Gateway's
// translation.
//
// It observes the snapshot as Envoy does, with a permanently connected client of the incremental
// ADS protocol. The duration of translations is Envoy Gateway's own metric.
//
// Everything runs in a network namespace of its own, Envoy Gateway also in a root directory of its
// own. This requires root, or the right to create user namespaces.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/egraft/egraft/e2e/kubegateway"
	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/parts"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // the process begins here
	code := 0
	if err := command(ctx, os.Args[1:], &code); err != nil {
		fmt.Fprintln(os.Stderr, "benchgateway:", err)
		code = 1
	}
	stop()
	os.Exit(code)
}

func command(ctx context.Context, args []string, code *int) error {
	if len(args) == 2 && servers[args[0]] != nil {
		return serve(ctx, args[1], servers[args[0]]())
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	if !netns.Inside() {
		if err := prepare(ctx); err != nil {
			return err
		}
	}
	*code = netns.Run(func() int {
		if err := run(ctx, o); err != nil {
			fmt.Fprintln(os.Stderr, "benchgateway:", err)
			return 1
		}
		return 0
	})
	return nil
}

// options are the flags.
type options struct {
	sizes    []int
	variants string
	rounds   int
	time     time.Duration
	egraft   string
	out      string
	profiles string
}

func parse(args []string) (o options, err error) {
	set := flag.NewFlagSet("benchgateway", flag.ContinueOnError)
	sizes := set.String("sizes", "100,1000", "numbers of routes, from few to many")
	set.StringVar(&o.variants, "variants", "", "names of the variants to measure; all if empty")
	set.IntVar(&o.rounds, "rounds", 1, "number of measurements of each variant at each size")
	set.DurationVar(&o.time, "time", 10*time.Second, "how long routes are changed in each round, at least 5 times and at most 40")
	set.StringVar(&o.egraft, "egraft", "bin/egraft", "egraft's binary")
	set.StringVar(&o.out, "out", "", "file for the numbers as JSON")
	set.StringVar(&o.profiles, "profiles", "", "directory for CPU profiles of Envoy Gateway, which cost a little time")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	last := 0
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n <= last || n > maxRoutes {
			return o, fmt.Errorf("-sizes %s: %q is not a number of routes from %d to %d", *sizes, s, last+1, maxRoutes)
		}
		o.sizes, last = append(o.sizes, n), n
	}
	o.egraft, err = filepath.Abs(o.egraft)
	return o, err
}

// prepare obtains the programs, outside the namespace.
func prepare(ctx context.Context) error {
	store, err := parts.NewStore(os.Stderr)
	if err != nil {
		return err
	}
	return store.Prepare(ctx, kubegateway.Parts()...)
}
