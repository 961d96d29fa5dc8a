// Command parts obtains the programs that demo and tests run, ahead of time:
//
//	go run ./e2e/cmd/parts envoy envoy-gateway spire
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/egraft/egraft/e2e/parts"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "parts: %v\n", err)
		os.Exit(1)
	}
}

// run prints the name and path of each part, where "spire" stands for two.
func run(ctx context.Context, names []string) error {
	store, err := parts.NewStore(os.Stderr)
	if err != nil {
		return err
	}
	var wanted []parts.Name
	for _, name := range names {
		if name == "spire" {
			wanted = append(wanted, parts.SPIREServer, parts.SPIREAgent)
			continue
		}
		wanted = append(wanted, parts.Name(name))
	}
	for _, name := range wanted {
		path, err := store.Get(ctx, name)
		if err != nil {
			return err
		}
		fmt.Println(name, path)
	}
	return nil
}
