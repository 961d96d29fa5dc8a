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

	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/standalone"
)

// patience bounds each wait of a scenario.
const patience = 40 * time.Second

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run obtains the parts outside the network namespace and runs the tests
// inside.
func run(m *testing.M) int {
	if !netns.Inside() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		clean, err := standalone.Prepare(ctx, os.Stderr, standalone.Dev, standalone.SPIRE)
		stop()
		if err != nil {
			fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
			return 1
		}
		defer clean()
	}
	return netns.Run(m.Run)
}

// fixture is an environment for one scenario.
type fixture struct {
	*standalone.Environment
	t   *testing.T
	ctx context.Context
}

// start brings an environment up and stops it at the end of the test. When
// the test failed, it shows the logs and keeps them.
func start(t *testing.T, options standalone.Options) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 4*time.Minute, errors.New("the scenario took longer than 4 minutes"))
	env, err := standalone.Start(ctx, options)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		stop := env.Close
		if t.Failed() {
			env.WriteLogs(os.Stderr, 15)
			t.Logf("the logs are in %s/log", env.Dir)
			stop = env.Stop
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return &fixture{Environment: env, t: t, ctx: ctx}
}

// soon is a context for one wait.
func (f *fixture) soon() context.Context {
	ctx, cancel := context.WithTimeoutCause(f.ctx, patience, fmt.Errorf("not within %s", patience))
	f.t.Cleanup(cancel)
	return ctx
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// until waits for an answer.
func (f *fixture) until(host, what string, wanted func(*standalone.Response) bool) *standalone.Response {
	f.t.Helper()
	response, err := f.Until(f.soon(), host, what, wanted)
	f.must(err)
	return response
}

// effect applies a policy and waits for the answer that it is to bring about.
func (f *fixture) effect(p standalone.Policy, host string, wanted func(*standalone.Response) bool) time.Duration {
	f.t.Helper()
	took, _, err := f.Effect(f.soon(), p, host, wanted)
	f.must(err)
	return took
}

// Routes and answers that most scenarios use.
var (
	echoRoute = standalone.Route{Name: "echo", Port: 3443}
	seesEnvoy = standalone.Peer(standalone.ID(standalone.EnvoyIdentity))
)

// tlsRoute is a route whose backend is declared to speak TLS.
func (f *fixture) tlsRoute() standalone.Route {
	return standalone.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org", CA: f.SPIFFE.Bundle()}
}

// wrongPeer is a policy that no backend satisfies.
func (f *fixture) wrongPeer() standalone.Policy {
	p := f.Policy()
	p.Peers = []string{"exact: " + standalone.ID("/someone-else")}
	return p
}
