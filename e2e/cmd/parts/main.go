// Command parts obtains the programs that demo and tests run, ahead of time.
// See usage.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/node"
	"github.com/egraft/egraft/e2e/parts"
)

const usage = `parts obtains the programs that demo and tests run, ahead of time, and prints
the name and path of each.

Usage: go run ./e2e/cmd/parts PART|GROUP ...

  spire      SPIRE's server and agent
  apiserver  Kubernetes' API server, its etcd, and kubectl
  node       all that a Kubernetes cluster of one node takes

Other parts are named as their programs are, such as envoy and envoy-gateway. What
was obtained is kept below egraft/parts in the user's cache directory
($XDG_CACHE_HOME, or $HOME/.cache).
`

// groups are names for several parts.
var groups = map[string][]parts.Name{
	"spire":     {parts.SPIREServer, parts.SPIREAgent},
	"apiserver": apiserver.Parts(),
	"node":      node.Parts(),
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, names []string, stdout, stderr io.Writer) int {
	if len(names) == 1 && (names[0] == "-h" || names[0] == "-help" || names[0] == "--help") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if len(names) == 0 {
		fmt.Fprintf(stderr, "parts: name at least one part\n\n%s", usage)
		return 2
	}
	if err := obtain(ctx, names, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "parts: %v\n", err)
		return 1
	}
	return 0
}

func obtain(ctx context.Context, names []string, stdout, progress io.Writer) error {
	store, err := parts.NewStore(progress)
	if err != nil {
		return err
	}
	for _, name := range expand(names) {
		path, err := store.Get(ctx, name)
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, name, path)
	}
	return nil
}

// expand replaces "spire" by what it stands for.
func expand(names []string) []parts.Name {
	var out []parts.Name
	for _, name := range names {
		if group, ok := groups[name]; ok {
			out = append(out, group...)
		} else {
			out = append(out, parts.Name(name))
		}
	}
	return out
}
