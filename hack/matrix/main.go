// Command matrix runs the compatibility matrix, as `make matrix` does, and writes the results into
// the table of docs/compatibility.md.
//
// A cell is a combination of an Envoy Gateway, an Envoy and options; for each, a test of ./e2e
// runs. Missing parts are built first. A failure does not end the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/egraft/egraft/e2e/matrix"
	"github.com/egraft/egraft/e2e/parts"
)

const usage = `Usage: go run ./hack/matrix [-list | -tidy] [-only TEXT,...] [-timeout 15m]

  -list     print the cells without running them
  -tidy     write rows for all cells to the table without running them
  -only     run only cells whose names contain all of the texts, such as "Envoy Gateway 1.8.0,defaults"
  -timeout  the timeout of a cell

Each cell replaces its row in docs/compatibility.md. The exit code is 1 if a cell failed or could
not be run.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM) //nolint:forbidigo // the process begins here
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	r, do, err := parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "matrix: %v\n\n%s", err, usage)
		return 2
	}
	r.out, r.execute = stderr, execute
	switch do {
	case "list":
		for _, c := range r.cells {
			fmt.Fprintln(stdout, c)
		}
	case "tidy":
		err = update(r.page, func([]row) {})
	default:
		err = r.all(ctx)
	}
	if err != nil {
		fmt.Fprintf(stderr, "matrix: %v\n", err)
		return 1
	}
	return 0
}

func parse(args []string) (r *runner, do string, err error) {
	flags := flag.NewFlagSet("matrix", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	r = &runner{now: time.Now}
	var only string
	for _, name := range []string{"list", "tidy"} {
		flags.BoolFunc(name, "", func(string) error { do = name; return nil })
	}
	flags.StringVar(&only, "only", "", "")
	flags.DurationVar(&r.timeout, "timeout", 15*time.Minute, "")
	if err := flags.Parse(args); err != nil {
		return nil, "", err
	}
	if flags.NArg() > 0 {
		return nil, "", fmt.Errorf("argument %q is not known", flags.Arg(0))
	}
	for _, c := range matrix.Cells() {
		if containsAll(c.String(), only) {
			r.cells = append(r.cells, c)
		}
	}
	if len(r.cells) == 0 {
		return nil, "", fmt.Errorf("-only %q: no cell has such a name; -list prints all names", only)
	}
	if r.root, err = parts.Root(); err != nil {
		return nil, "", err
	}
	r.page = filepath.Join(r.root, "docs", "compatibility.md")
	return r, do, nil
}

func containsAll(name, texts string) bool {
	for text := range strings.SplitSeq(texts, ",") {
		if !strings.Contains(name, strings.TrimSpace(text)) {
			return false
		}
	}
	return true
}

// execute runs a command and returns its output, even if it fails.
func execute(ctx context.Context, dir string, environ []string, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = errors.Join(err, context.Cause(ctx))
	}
	return string(out), err
}
