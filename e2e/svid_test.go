//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// plainRoute is a route without a policy.
var plainRoute = manifest.Route{Name: "plain", Port: 3080}

// notEntitled: a policy requests an SVID to which Envoy is not entitled. Its route is rejected
// until Envoy is, and others are unaffected.
func (f *fixture) notEntitled() {
	f.routes(echoRoute, plainRoute)
	f.until(plainRoute.Host(), "a response", cleartext)
	others := f.traffic(plainRoute.Host())
	policy := f.policy("HTTPRoute", echoRoute.Name, "")
	policy.Identity = "/late"
	f.effect(policy, echoRoute.Host(), envoy.Status(503))
	f.until(echoRoute.Host(), "Envoy to be done with waiting", rejected(503, "remote connection failure"))
	_, err := f.WaitAccessLog(f.soon(), echoRoute.Host(), "Secret_is_not_supplied_by_SDS")
	f.must(err)

	entry := f.EnvoyEntry(policy.Identity)
	f.must(f.SPIFFE.AddEntries(f.soon(), entry))
	f.t.Cleanup(func() { f.must(f.SPIFFE.RemoveEntry(f.ctx, entry)) })
	begin := time.Now()
	f.until(echoRoute.Host(), "the SVID", envoy.Peer(entry.ID()))
	f.t.Logf("healed %s after the entry was added", time.Since(begin).Round(time.Millisecond))
	others.mustAllBeServed()
}

// rotationUnderTraffic: no request fails while the SVID is replaced.
func (f *fixture) rotationUnderTraffic() {
	f.routes(echoRoute)
	policy := f.Policy()
	policy.Identity = "/brief"
	entry := f.EnvoyEntry(policy.Identity)
	entry.TTL = f.briefTTL()
	f.must(f.SPIFFE.AddEntries(f.soon(), entry))
	f.t.Cleanup(func() { f.must(f.SPIFFE.RemoveEntry(f.ctx, entry)) })
	f.effect(policy, echoRoute.Host(), envoy.Peer(entry.ID()))
	requests := f.traffic(echoRoute.Host())
	requests.waitSerials(4)
	requests.waitServed(50)
	requests.mustAllBeServed()
}

// briefTTL returns a lifetime with a rotation every few seconds. SPIRE backdates certificates by 10
// s and replaces them after half of the total lifetime.
func (f *fixture) briefTTL() time.Duration {
	if f.Mode() == standalone.SPIRE {
		return 14 * time.Second
	}
	return 5 * time.Second
}

// agentRestarted: requests are served while the agent is down, and rotation continues when it is
// back.
func (f *fixture) agentRestarted() {
	f.routes(echoRoute)
	f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
	requests := f.traffic(echoRoute.Host())
	f.must(f.SPIFFE.Stop())
	f.wait("Envoy to miss the agent", func(ctx context.Context) error {
		n, err := f.agentStreams(ctx)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d streams", n)
		}
		return err
	})
	requests.waitServed(100)
	require.NoError(f.t, f.SPIFFE.Start(f.soon()))
	f.wait("Envoy to find the agent again", func(ctx context.Context) error {
		n, err := f.agentStreams(ctx)
		if err == nil && n == 0 {
			err = errors.New("no streams")
		}
		return err
	})
	_, before := requests.counts()
	f.must(f.SPIFFE.Rotate(f.soon()))
	requests.waitSerials(before + 1)
	requests.mustAllBeServed()
}

// agentStreams returns the number of Envoy's open streams to agents.
func (f *fixture) agentStreams(ctx context.Context) (int, error) {
	opened, err := f.Stat(ctx, "grpc.spire_agent.streams_total$")
	if err != nil {
		return 0, err
	}
	closed, err := f.Stat(ctx, "grpc.spire_agent.streams_closed_")
	return opened - closed, err
}
