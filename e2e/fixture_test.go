//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/standalone"
)

// fixture is an environment of processes on this machine for one scenario.
type fixture struct {
	scenario
	*standalone.Environment
}

// start starts an environment and stops it at the end of the test. If the test failed, it shows the
// logs and keeps them.
func start(t *testing.T, options standalone.Options) *fixture {
	t.Helper()
	return startFor(t, 4*time.Minute, options)
}

// startFor is [start] with another timeout for the scenario.
func startFor(t *testing.T, limit time.Duration, options standalone.Options) *fixture {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("the scenario timed out after %s", limit))
	var env *standalone.Environment
	t.Cleanup(func() { // after those of options.Managers, whose processes use the directory
		switch {
		case env == nil:
		case t.Failed():
			t.Logf("the logs are in %s/log", env.Dir)
		default:
			if err := os.RemoveAll(env.Dir); err != nil {
				t.Error(err)
			}
		}
	})
	env, err := standalone.Start(ctx, options)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	f := &fixture{scenario{env: env, t: t, ctx: ctx}, env}
	t.Cleanup(func() {
		defer cancel()
		if err := env.Stop(); err != nil {
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

// run runs a part of a scenario in the same environment. Resources that the part applies are
// deleted at its end.
func (f *fixture) run(name string, part func(*fixture)) {
	f.t.Helper()
	f.t.Run(name, func(t *testing.T) {
		f := &fixture{scenario{env: f.env, t: t, ctx: f.ctx}, f.Environment}
		f.logsOnFailure()
		t.Cleanup(f.deleteAll)
		part(f)
	})
}
