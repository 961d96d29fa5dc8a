//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// fixture is an environment for one scenario.
type fixture struct {
	*standalone.Environment
	t   *testing.T
	ctx context.Context //nolint:containedctx // of the one test that has the fixture
	// applied are the files that are to be gone at the end, routes first, and
	// hosts are those of the routes.
	applied, hosts []string
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
	f := &fixture{Environment: env, t: t, ctx: ctx}
	t.Cleanup(func() {
		defer cancel()
		stop := env.Close
		if t.Failed() {
			t.Logf("the logs are in %s/log", env.Dir)
			stop = env.Stop
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	f.logsOnFailure()
	return f
}

func (f *fixture) logsOnFailure() {
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.WriteLogs(os.Stderr, 15)
		}
	})
}

// run runs a part of a scenario in the same environment. What the part applies
// is gone at its end.
func (f *fixture) run(name string, part func(*fixture)) {
	f.t.Helper()
	f.t.Run(name, func(t *testing.T) {
		f := &fixture{Environment: f.Environment, t: t, ctx: f.ctx}
		f.logsOnFailure()
		t.Cleanup(f.deleteAll)
		part(f)
	})
}

// deleteAll deletes what was applied and waits until Envoy knows nothing of it.
// Routes are the first to go: a cluster that is left without its policy keeps
// Envoy busy for 15 s, see docs/backend-mtls-policy.md.
func (f *fixture) deleteAll() {
	for _, name := range f.applied {
		f.must(f.Delete(name))
	}
	for _, host := range f.hosts {
		f.until(host, "the route to be gone", envoy.Status(404))
	}
	f.must(f.WaitSettled(f.soon()))
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

// routes applies routes.
func (f *fixture) routes(routes ...manifest.Route) {
	f.t.Helper()
	for _, r := range routes {
		f.route(r.Name, r.Host(), r.YAML())
	}
}

// route applies a route, with all that it needs.
func (f *fixture) route(name, host, content string) {
	f.t.Helper()
	f.applied, f.hosts = slices.Insert(f.applied, 0, name), append(f.hosts, host)
	f.must(f.Apply(name, content))
}

// policies applies policies.
func (f *fixture) policies(policies ...manifest.Policy) {
	f.t.Helper()
	for _, p := range policies {
		f.applied = append(f.applied, p.Name)
		f.must(f.ApplyPolicy(p))
	}
}

// effect applies a policy and waits for the answer that it is to bring about.
func (f *fixture) effect(p manifest.Policy, host string, wanted func(*envoy.Response) bool) time.Duration {
	f.t.Helper()
	f.applied = append(f.applied, p.Name)
	took, _, err := f.Effect(f.soon(), p, host, wanted)
	f.must(err)
	return took
}

// until waits for an answer.
func (f *fixture) until(host, what string, wanted func(*envoy.Response) bool) *envoy.Response {
	f.t.Helper()
	response, err := f.Until(f.soon(), host, what, wanted)
	f.must(err)
	return response
}

// wait waits for a condition.
func (f *fixture) wait(what string, condition func(context.Context) error) {
	f.t.Helper()
	f.must(process.Poll(f.soon(), what, condition))
}

// get sends one request.
func (f *fixture) get(host, path string) *envoy.Response {
	f.t.Helper()
	response, err := f.Get(f.soon(), host, path)
	f.must(err)
	return response
}
