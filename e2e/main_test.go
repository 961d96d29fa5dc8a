//go:build e2e

// Package e2e has the scenarios that run on the real Envoy Gateway, Envoy and
// SPIRE. What they have in common is in package standalone.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// patience bounds each wait of a scenario.
const patience = 40 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run obtains the parts outside of namespaces and runs the tests inside.
func run(m *testing.M) (code int) {
	if !netns.Inside() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		clean, err := on.prepare(ctx)
		stop()
		defer func() { clean(code != 0) }()
		if err != nil {
			fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
			return 1
		}
	}
	return on.run(m.Run)
}

// prepareHere obtains what the scenarios run on this machine, and the programs that
// some of them run in egraft's place. The function that it returns is never nil.
func prepareHere(ctx context.Context) (clean func(failed bool), err error) {
	store, err := parts.NewStore(os.Stderr)
	if err != nil {
		return func(bool) {}, err
	}
	if err := errors.Join(store.Prepare(ctx, append(apiserver.Parts(), parts.Helm)...), downloadManifests(ctx)); err != nil {
		return func(bool) {}, err
	}
	cleanPrograms, err := standalone.Prepare(ctx, os.Stderr, standalone.Dev, standalone.SPIRE)
	if err != nil {
		return func(bool) {}, err
	}
	cleanAll := []func(){cleanPrograms}
	clean = func(bool) {
		for _, clean := range cleanAll {
			clean()
		}
	}
	for name, directory := range map[parts.Name]string{
		customMutator: "examples/custom-mutator", policyMutator: "examples/policy-mutator", routeFilter: "examples/route-filter",
		faultyProgram: "e2e/cmd/faulty",
	} {
		cleanModule, err := standalone.PrepareModule(ctx, name, directory)
		if err != nil {
			return clean, err
		}
		cleanAll = append(cleanAll, cleanModule)
	}
	return clean, nil
}
