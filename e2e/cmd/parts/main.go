// Command parts obtains the programs that the demo and the tests run, ahead of time. See usage.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/node"
	"github.com/egraft/egraft/e2e/parts"
)

const usage = `parts obtains the programs that the demo and the tests run, ahead of time, and
prints the name and path of each. Groups are obtained side by side.

Usage: go run ./e2e/cmd/parts [-missing | -yield] PART|GROUP ...

  -missing   print only the names of missing parts
  -yield     give precedence to other work on this machine

  spire      SPIRE's server and agent
  apiserver  Kubernetes' API server and its etcd
  node       everything for a Kubernetes cluster of one node
  kind       kind, and everything for its node image

Other parts have the names of their programs, such as envoy and envoy-gateway. Parts
are kept below egraft/parts in the user's cache directory ($XDG_CACHE_HOME, or
$HOME/.cache).
`

// groups are names for several parts.
var groups = map[string][]parts.Name{
	"spire":     {parts.SPIREServer, parts.SPIREAgent},
	"apiserver": apiserver.Parts(),
	"node":      node.Parts(),
	"kind": append(node.Parts(), parts.Kind, parts.Kubeadm, parts.Crictl, parts.PortmapPlugin,
		parts.Helm, parts.Envoy, parts.EnvoyGateway, parts.SPIREServer, parts.SPIREAgent),
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
	var missing, yield bool
	if len(names) > 0 {
		missing, yield = names[0] == "-missing", names[0] == "-yield"
	}
	if missing || yield {
		names = names[1:]
	}
	if len(names) == 0 {
		fmt.Fprintf(stderr, "parts: name at least one part\n\n%s", usage)
		return 2
	}
	store, err := parts.NewStore(stderr)
	if err == nil && yield {
		store = store.Yielding()
	}
	if err == nil && missing {
		list(ctx, store, names, stdout)
		return 0
	}
	if err == nil {
		err = obtain(ctx, store, names, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "parts: %v\n", err)
		return 1
	}
	return 0
}

// list prints the missing parts.
func list(ctx context.Context, store *parts.Store, names []string, stdout io.Writer) {
	for _, name := range expand(names) {
		if !store.Has(ctx, name) {
			fmt.Fprintln(stdout, name)
		}
	}
}

// obtain obtains single parts in order, and groups side by side: while one of them is linked, or
// compiles a large package, the next one, which yields to it, keeps the processors busy.
func obtain(ctx context.Context, store *parts.Store, names []string, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex // for stdout
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	each := func(store *parts.Store, names ...string) error {
		for _, name := range expand(names) {
			path, err := store.Get(ctx, name)
			if err != nil {
				return err
			}
			mu.Lock()
			fmt.Fprintln(stdout, name, path)
			mu.Unlock()
		}
		return nil
	}
	for _, name := range names {
		if groups[name] != nil {
			of := store
			group.Go(func() error { return each(of, name) })
			store = store.Yielding()
		} else if err := each(store, name); err != nil {
			cancel()
			_ = group.Wait() // which was interrupted
			return err
		}
	}
	return group.Wait()
}

// expand replaces groups such as "spire" with their parts.
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
