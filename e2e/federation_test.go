//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestFederation: backends of other trust domains. The agent has the bundles
// of both for Envoy, the policy lists one of them.
func TestFederation(t *testing.T) {
	f := start(t, standalone.Options{
		Partners: []string{"partner.org", "stranger.org"},
		Backends: append(standalone.DefaultBackends(),
			standalone.Backend{Name: "partner", Port: 3445, TrustDomain: "partner.org"},
			standalone.Backend{Name: "stranger", Port: 3446, TrustDomain: "stranger.org"}),
	})
	f.routes(echoRoute, standalone.Route{Name: "partner", Port: 3445}, standalone.Route{Name: "stranger", Port: 3446})
	f.strangerIsRefused(f.federated())
	anyone := f.federated()
	anyone.AllowAny = true
	f.strangerIsRefused(anyone)

	anyone.TrustBundles = append(anyone.TrustBundles, "stranger.org")
	f.effect(anyone, "stranger.example.com", seesEnvoy)
}

// federated is a policy with two trust domains and a peer of each.
func (f *fixture) federated() standalone.Policy {
	policy := f.Policy()
	policy.TrustBundles = []string{standalone.TrustDomain, "partner.org"}
	policy.Peers = []string{"exact: " + standalone.ID("/echo"), "exact: spiffe://partner.org/partner"}
	return policy
}

// strangerIsRefused applies a policy that lists the partner's domain and not
// the stranger's.
func (f *fixture) strangerIsRefused(policy standalone.Policy) {
	f.t.Helper()
	f.effect(policy, "partner.example.com", seesEnvoy)
	f.until(echoRoute.Host(), "the SVID", seesEnvoy)
	f.must(f.WaitSettled(f.soon()))
	require.Equal(f.t, "spiffe://partner.org/partner", f.get("partner.example.com", "/").Echo.Self)
	f.until("stranger.example.com", "a refusal", standalone.Status(503))
	_, err := f.WaitAccessLog(f.soon(), "stranger.example.com", "CERTIFICATE_VERIFY_FAILED")
	f.must(err)
}
