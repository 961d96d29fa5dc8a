//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestEgraftLater: Envoy Gateway starts before egraft, serves nothing that egraft has not
// processed, and continues when egraft is available.
func TestEgraftLater(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{EgraftLater: true, Backends: backendsForAll()})
	f.run("egraft later", (*fixture).egraftLater)
	f.run("egraft killed", (*fixture).egraftKilled)
}

func (f *fixture) egraftLater() {
	backend := f.recorder()
	f.routes(echoRoute, backend.route("upgraded", ""))
	f.policies(f.Policy())
	f.waitPublished(0)
	_, err := f.Get(f.soon(), echoRoute.Host(), "/")
	require.ErrorContains(f.t, err, "connection refused", "Envoy must not serve before egraft")
	f.must(f.StartEgraft(f.soon()))
	f.must(f.WaitEnvoy(f.soon()))
	f.until(echoRoute.Host(), "the SVID", seesEnvoy)
	f.until("upgraded.example.com", "a rejection", envoy.Status(503))
	require.Zero(f.t, backend.cleartext.Load(), "cleartext connections")
}

// egraftKilled: policies change while egraft is killed and restarted. In the end, the last policy
// is in effect, and a route without a policy is served all the time.
func (f *fixture) egraftKilled() {
	f.routes(echoRoute, plainRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	others := f.traffic(plainRoute.Host())
	f.killedBefore(f.entitled("/killed-before"))
	f.killedAfter(f.entitled("/killed-after"))
	f.killedMeanwhile(f.entitled("/killed-meanwhile"))
	f.killedTwice(f.entitled("/killed-twice"))
	others.mustAllBeServed()
}

// killedBefore: the policy changes while egraft is down.
func (f *fixture) killedBefore(identity standalone.Entry) {
	f.t.Helper()
	f.must(f.Egraft.Kill())
	_, err := os.Stat(f.Socket())
	require.NoError(f.t, err, "a killed egraft leaves its socket behind")
	f.afterTranslation(func() { f.change(identity) })
	f.must(f.StartEgraft(f.soon()))
	f.until(echoRoute.Host(), "the policy of "+identity.Path, envoy.Peer(identity.ID()))
}

// killedAfter: egraft is killed right after the change and restarted.
func (f *fixture) killedAfter(identity standalone.Entry) {
	f.t.Helper()
	f.change(identity)
	f.must(f.Egraft.Kill())
	f.must(f.StartEgraft(f.soon()))
	f.until(echoRoute.Host(), "the policy of "+identity.Path, envoy.Peer(identity.ID()))
}

// killedMeanwhile: egraft is killed during a call to which it has not responded.
func (f *fixture) killedMeanwhile(identity standalone.Entry) {
	f.t.Helper()
	f.must(f.Egraft.Freeze())
	f.afterTranslation(func() { f.change(identity) })
	f.must(f.Egraft.Kill())
	f.must(f.StartEgraft(f.soon()))
	f.until(echoRoute.Host(), "the policy of "+identity.Path, envoy.Peer(identity.ID()))
}

// killedTwice: several changes and restarts in quick succession.
func (f *fixture) killedTwice(identity standalone.Entry) {
	f.t.Helper()
	for range 2 {
		f.must(f.ApplyPolicy(f.ctx, invalid(f.policy("HTTPRoute", echoRoute.Name, ""))))
		f.must(f.Egraft.Kill())
		f.change(identity)
		f.must(f.StartEgraft(f.soon()))
	}
	f.until(echoRoute.Host(), "the policy of "+identity.Path, envoy.Peer(identity.ID()))
}

// change sets another identity in the route's policy.
func (f *fixture) change(identity standalone.Entry) {
	f.t.Helper()
	policy := f.policy("HTTPRoute", echoRoute.Name, "")
	policy.Identity = identity.Path
	f.must(f.ApplyPolicy(f.ctx, policy))
}

// published returns how often Envoy Gateway had something new to translate, for which it calls
// egraft.
func (f *fixture) published(ctx context.Context) (float64, error) {
	page, err := f.GatewayMetrics(ctx)
	return sum(page, "watchable_publish_total", `message="xds-ir"`), err
}

// afterTranslation makes a change and waits until Envoy Gateway translates, which it cannot
// complete before egraft responds.
func (f *fixture) afterTranslation(change func()) {
	f.t.Helper()
	before, err := f.published(f.soon())
	f.must(err)
	change()
	f.waitPublished(before)
}

// waitPublished waits until Envoy Gateway has translated more often.
func (f *fixture) waitPublished(than float64) {
	f.t.Helper()
	f.wait("Envoy Gateway to translate", func(ctx context.Context) error {
		n, err := f.published(ctx)
		if err == nil && n <= than {
			err = fmt.Errorf("%v translations", n)
		}
		return err
	})
}
