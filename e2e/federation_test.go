//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestFederation: backends of other trust domains. The agent has the bundles
// of both for Envoy, the policy lists one of them.
func TestFederation(t *testing.T) {
	needs(t, here)
	everyone := []string{"spiffe://" + manifest.TrustDomain}
	f := start(t, standalone.Options{
		Partners: []string{"partner.org", "stranger.org"},
		Backends: append(backendsForAll(),
			standalone.Backend{Name: "partner", Port: 3445, TrustDomain: "partner.org", Clients: everyone},
			standalone.Backend{Name: "stranger", Port: 3446, TrustDomain: "stranger.org", Clients: everyone}),
	})
	f.routes(echoRoute, manifest.Route{Name: "partner", Port: 3445}, manifest.Route{Name: "stranger", Port: 3446})
	named := f.federated("/named")
	named.Peers = []string{"exact: " + manifest.ID("/echo"), "exact: spiffe://partner.org/partner"}
	f.strangerIsRefused(named)

	anyone := f.federated("/anyone")
	anyone.AllowAny = true
	f.strangerIsRefused(anyone)

	all := f.federated("/all")
	all.AllowAny, all.TrustBundles = true, append(all.TrustBundles, "stranger.org")
	f.effect(all, "stranger.example.com", envoy.Peer(manifest.ID(all.Identity)))
}

// federated is a policy with two trust domains, and an identity of its own by
// which to tell when it is in effect.
func (f *fixture) federated(identity string) manifest.Policy {
	policy := f.Policy()
	policy.Identity = f.entitled(identity).Path
	policy.TrustBundles = []string{manifest.TrustDomain, "partner.org"}
	return policy
}

// strangerIsRefused applies a policy that lists the partner's domain and not
// the stranger's.
func (f *fixture) strangerIsRefused(policy manifest.Policy) {
	f.t.Helper()
	inEffect := envoy.Peer(manifest.ID(policy.Identity))
	f.effect(policy, "partner.example.com", inEffect)
	f.until(echoRoute.Host(), "the SVID", inEffect)
	f.must(f.WaitSettled(f.soon()))
	require.Equal(f.t, "spiffe://partner.org/partner", f.get("partner.example.com", "/").Echo.Self)
	require.Equal(f.t, 503, f.get("stranger.example.com", "/").Status)
	_, err := f.WaitAccessLog(f.soon(), "stranger.example.com", "CERTIFICATE_VERIFY_FAILED")
	f.must(err)
}
