//go:build e2e

package e2e

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestFederation: backends of other trust domains. The agent has the bundles of two for Envoy, and
// the policy lists one of them. A policy without allowAnyAuthority is rejected; with it, the page's
// warning is true.
func TestFederation(t *testing.T) {
	needs(t, here)
	everyone := []string{"spiffe://" + manifest.TrustDomain}
	f := start(t, standalone.Options{
		Partners: []string{"partner.org", "stranger.org"},
		Backends: append(backendsForAll(),
			standalone.Backend{Name: "partner", Port: 3445, TrustDomain: "partner.org", Clients: everyone},
			standalone.Backend{Name: "stranger", Port: 3446, TrustDomain: "stranger.org", Clients: everyone}),
	})
	forged := manifest.Route{Name: "forged", Port: f.forgedBackend("spiffe://stranger.org/any", manifest.ID("/echo"))}
	f.routes(echoRoute, manifest.Route{Name: "partner", Port: 3445}, manifest.Route{Name: "stranger", Port: 3446}, forged)

	rejected := f.federated("/rejected")
	rejected.AllowAnyAuthority = false
	f.must(f.Apply(f.ctx, rejected.Name, rejected.File()))
	f.until(echoRoute.Host(), "a rejection", envoy.Status(503))

	named := f.federated("/named")
	named.Peers = []string{"exact: " + manifest.ID("/echo"), "exact: spiffe://partner.org/partner"}
	f.strangerIsRejected(named)
	f.until(forged.Host(), "what another authority signed for a peer", envoy.Status(200))

	anyone := f.federated("/anyone")
	anyone.AllowAny = true
	f.strangerIsRejected(anyone)

	all := f.federated("/all")
	all.AllowAny, all.TrustBundles = true, append(all.TrustBundles, "stranger.org")
	f.effect(all, "stranger.example.com", envoy.Peer(manifest.ID(all.Identity)))
}

// federated returns a policy with two trust domains, and with its own identity, which shows when it
// is in effect.
func (f *fixture) federated(identity string) manifest.Policy {
	policy := f.Policy()
	policy.Identity = f.entitled(identity).Path
	policy.TrustBundles, policy.AllowAnyAuthority = []string{manifest.TrustDomain, "partner.org"}, true
	return policy
}

// forgedBackend serves with a certificate that the stranger's authority signed for URIs of any
// trust domain, and returns the port.
func (f *fixture) forgedBackend(uris ...string) int {
	f.t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("{}"))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*f.forge("stranger.org", uris...)}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	f.t.Cleanup(server.Close)
	return server.Listener.Addr().(*net.TCPAddr).Port
}

// forge makes a partner's authority sign URIs of any trust domain.
func (f *fixture) forge(domain string, uris ...string) *tls.Certificate {
	f.t.Helper()
	authority, ok := f.Partners[domain].(interface {
		Forge(uris ...string) (*tls.Certificate, error)
	})
	require.True(f.t, ok)
	certificate, err := authority.Forge(uris...)
	f.must(err)
	return certificate
}

// TestFederatedClients: no authority can sign for a trust domain other than its own, whether the
// policy lists that authority's domain or only the agent has its bundle.
func TestFederatedClients(t *testing.T) {
	needs(t, here)
	f := &frontend{fixture: start(t, standalone.Options{
		SPIFFE: standalone.Dev, Listeners: tlsListeners, Partners: []string{"partner.org", "stranger.org"},
	})}
	f.begin()
	f.must(f.Apply(f.ctx, "policy", f.policy("https", `
  trustBundles: [example.org, partner.org]
  clients: [{exact: spiffe://example.org/client}, {regex: 'spiffe://partner\.org/ns/[a-z]+'}]
`)))
	f.eventually("Envoy's SVID", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	client := manifest.ID("/client")
	for name, c := range map[string]struct {
		by     string
		uris   []string
		status int // 0 for a connection that is rejected
	}{
		"a partner's client":                    {"partner.org", []string{"spiffe://partner.org/ns/shop"}, 200},
		"a partner's client with two IDs":       {"partner.org", []string{"spiffe://partner.org/ns/shop", "spiffe://partner.org/ns/cart"}, 200},
		"another ID of the partner's":           {"partner.org", []string{"spiffe://partner.org/other"}, 0},
		"a client of ours, by the partner":      {"partner.org", []string{client}, 0},
		"ours behind one of the partner's":      {"partner.org", []string{"spiffe://partner.org/ns/shop", client}, 403},
		"ours in front of one of the partner's": {"partner.org", []string{client, "spiffe://partner.org/ns/shop"}, 0},
		"ours behind one of no client":          {"partner.org", []string{"spiffe://partner.org/other", client}, 403},
		"ours, by a domain that is not named":   {"stranger.org", []string{"spiffe://stranger.org/x", client}, 403},
		"not UTF-8, by a domain that is not":    {"stranger.org", []string{"spiffe://stranger.org/%FF", client}, 403},
		"a domain that is not named":            {"stranger.org", []string{"spiffe://stranger.org/x"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			by := tlsClient{f.forge(c.by, c.uris...)}
			if c.status == 0 {
				f.mustReject(by, unknownCertificate)
				return
			}
			response, err := by.get(f.soon(), mutualHost, nil)
			require.NoError(t, err)
			require.Equal(t, c.status, response.status)
		})
	}
}

// strangerIsRejected applies a policy that lists the partner's domain but not the stranger's.
func (f *fixture) strangerIsRejected(policy manifest.Policy) {
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
