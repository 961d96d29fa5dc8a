// Command charts writes egraft's Helm charts as directories, for a release to pack: egraft's own,
// for a separate Deployment, and Envoy Gateway's chart with egraft as a sidecar, for users who
// cannot post-render.
//
//	go run ./hack/charts -version v0.1.0 DIR
//
// It reads this checkout and Envoy Gateway's Go module. It must not need Helm or a cluster.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/egraft/egraft/e2e/parts"
	egraft "github.com/egraft/egraft/internal/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt) //nolint:forbidigo // the process begins here
	defer stop()
	version := flag.String("version", egraft.Release, "version of egraft, for the charts and their image")
	flag.Parse()
	if err := run(ctx, *version, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "charts:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, version string, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name the directory for the charts, and nothing else: %q", args)
	}
	root, err := parts.Root()
	if err != nil {
		return err
	}
	if err := writeOwn(root, version, args[0]); err != nil {
		return err
	}
	return writeWrapped(ctx, root, version, args[0])
}
