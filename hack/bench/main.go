// Command bench measures the cost of egraft in a call of Envoy Gateway, compared with servers that
// do the same in other ways: echo responds with the bytes that it received, plain decodes and
// encodes with the generated types, and example does what Envoy Gateway's example extension server
// does.
//
// Each server is a process of its own behind a Unix socket. They are measured in turns, so that
// other load on the machine affects all of them. It prints lines for benchstat, then a table with
// the targets, and writes the numbers as JSON.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"
)

// serveCommand makes this program one of the servers.
const serveCommand = "serve"

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveCommand {
		os.Exit(cli.Main(catalog.Builtin)) // the released egraft
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) //nolint:forbidigo // the process begins here
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	sizes    []int
	cases    *regexp.Regexp
	rounds   int
	out      string
	soak     int
	changed  int
	cache    string
	egraft   string
	peer     string
	socket   string
	admin    string
	journal  bool
	before   string
	explain  bool
	policies bool
}

// isAmongEgrafts reports whether all measured servers are egraft.
func (o *options) isAmongEgrafts() bool { return o.journal || o.before != "" || o.policies }

func parse(args []string) (o options, err error) {
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	sizes := set.String("sizes", "1,100,1000,10000,50000", "numbers of clusters")
	cases := set.String("cases", "", "regular expression for the names of cases; all of them if empty")
	set.IntVar(&o.rounds, "rounds", 10, "number of measurements of each server in each case")
	set.StringVar(&o.out, "out", "", "file for the numbers as JSON")
	set.IntVar(&o.soak, "soak", 0, "measure only egraft's memory, over this number of calls with changing content")
	set.IntVar(&o.changed, "changed", math.MaxInt, "number of clusters that change from call to call with -soak; all if there are fewer")
	set.StringVar(&o.cache, "cache-size", "", "egraft's --cache-size; by default egraft's default for each 10,000 clusters")
	set.StringVar(&o.egraft, "egraft", "", "egraft's binary; by default this program, which is larger")
	set.BoolVar(&o.journal, "journal", false, "measure only egraft, with and without its journal")
	set.StringVar(&o.before, "before", "", "binary of another egraft to measure in turns with this one, with and without its journal")
	set.BoolVar(&o.explain, "explain", false, "measure only egraft explain, on a call of the largest size")
	set.BoolVar(&o.policies, "policies", false, "measure only egraft, with policies of several kinds on all clusters")
	set.StringVar(&o.peer, "peer", "", "serve as one of the peers; for internal use")
	set.StringVar(&o.socket, "socket", "", "path of a peer's socket")
	set.StringVar(&o.admin, "admin", "", "address of a peer's metrics")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if o.cases, err = regexp.Compile(*cases); err != nil {
		return o, fmt.Errorf("cases: %w", err)
	}
	if o.changed < 0 {
		return o, fmt.Errorf("changed: %d is not a number of clusters", o.changed)
	}
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("sizes: %q is not a number of clusters", s)
		}
		o.sizes = append(o.sizes, n)
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	switch {
	case err != nil:
		return err
	case o.peer != "":
		return servePeer(ctx, o)
	case o.explain:
		return explain(ctx, o)
	case o.soak > 0:
		return soak(ctx, o)
	}
	return compare(ctx, o)
}
