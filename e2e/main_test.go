//go:build e2e

// Package e2e has the scenarios that run on the real Envoy Gateway, Envoy and SPIRE. Package
// standalone has their common environment.
//
// These environment variables select versions and options for every scenario with the file
// provider. The scenarios with the Kubernetes provider use only the versions.
//
//	EGRAFT_E2E_ENVOY_GATEWAY   1.9.1 (the default), 1.9.0, 1.8.0 or 1.7.0
//	EGRAFT_E2E_ENVOY           1.39.1 (the default), 1.40.0, 1.38.3 or 1.37.0
//	EGRAFT_E2E_RUNTIME_FLAGS   runtime flags of Envoy Gateway, such as
//	                           XDSNameSchemeV2,PerResourceSystemCASecret
//	EGRAFT_E2E_MERGE_GATEWAYS  true: mergeGateways of EnvoyProxy
//	EGRAFT_E2E_MERGE_BACKENDS  true: mergeBackends of EnvoyProxy
//	EGRAFT_E2E_PARTS           demo: without what needs SPIRE or an API server;
//	                           spire: without what needs an API server;
//	                           matrix: for TestMatrix alone
//
// All scenarios must pass with the defaults and with XDSNameSchemeV2. TestMatrix passes with each
// combination that package matrix lists. Some other scenarios test what an older release does not
// have, or names that an option changes.
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

// patience is the timeout of each wait in a scenario.
const patience = 40 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run obtains the parts outside the namespaces, and runs the tests inside.
func run(m *testing.M) (code int) {
	if err := selectCore(); err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		return 1
	}
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

// prepareHere obtains the programs that the scenarios run on this machine, including those that
// replace egraft. The returned function is never nil.
func prepareHere(ctx context.Context) (clean func(failed bool), err error) {
	store, err := parts.NewStore(os.Stderr)
	if err != nil {
		return func(bool) {}, err
	}
	modes := []standalone.SPIFFEMode{standalone.Dev}
	if !onlyDemosParts() {
		modes = append(modes, standalone.SPIRE)
	}
	if hasAllParts() {
		names := apiserver.Parts()
		if !testing.Short() {
			names = append(names, parts.Helm, parts.Kubectl)
			err = downloadManifests(ctx)
		}
		if err := errors.Join(err, store.Prepare(ctx, names...)); err != nil {
			return func(bool) {}, err
		}
	}
	cleanPrograms, err := standalone.Prepare(ctx, os.Stderr, modes...)
	if err != nil {
		return func(bool) {}, err
	}
	cleanAll := []func(){cleanPrograms}
	clean = func(bool) {
		for _, clean := range cleanAll {
			clean()
		}
	}
	if onlyMatrix() {
		return clean, nil
	}
	if err := downloadModules(ctx); err != nil {
		return clean, err
	}
	for name, directory := range map[parts.Name]string{
		customMutator: "examples/custom-mutator", policyMutator: "examples/policy-mutator",
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
