//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// Alerts with which Envoy rejects a certificate of an unknown authority.
const unknownAuthority = "unknown certificate authority"

// forged is a header in which a client claims a certificate.
var forged = http.Header{"X-Forwarded-Client-Cert": {"URI=spiffe://example.org/forged"}}

// TestFrontendOptional: clients without a certificate are served if the agent provides bundles as
// plain certificate authorities, as with the EnvoyProxy on the policy's page. Clients with a
// certificate are authorized by it.
func TestFrontendOptional(t *testing.T) {
	needs(t, here)
	for _, mode := range []standalone.SPIFFEMode{standalone.Dev, standalone.SPIRE} {
		t.Run(string(mode), func(t *testing.T) {
			needsAuthority(t, mode)
			f := &frontend{fixture: start(t, standalone.Options{SPIFFE: mode, Listeners: tlsListeners, Bootstrap: documentedBootstrap(t)})}
			f.begin()
			f.optionalClients()
			f.foreignCertificates()
			f.noResumption()
			f.forwarded()
			f.requiredByAuthorities()
			f.optionalEverywhere()
			f.end()
		})
	}
}

// documentedBootstrap returns the bootstrap that the EnvoyProxy on the policy's page merges into
// Envoy's.
func documentedBootstrap(t *testing.T) string {
	t.Helper()
	var proxy struct {
		Spec struct{ Bootstrap struct{ Type, Value string } }
	}
	require.NoError(t, yaml.Unmarshal([]byte(examples(t)[1]), &proxy))
	require.Equal(t, "Merge", proxy.Spec.Bootstrap.Type)
	return proxy.Spec.Bootstrap.Value
}

// answered requires a status, and returns what the backend was told about the client's certificate.
// The request claims a forged one.
func (f *frontend) answered(status int, by tlsClient) string {
	f.t.Helper()
	response, err := by.get(f.soon(), mutualHost, forged)
	f.must(err)
	require.Equal(f.t, status, response.status)
	require.Equal(f.t, manifest.ID("/envoy"), response.id())
	return response.echo.Headers["X-Forwarded-Client-Cert"]
}

// optionalClients: the backend sees the client's ID, and none for a client without a certificate.
func (f *frontend) optionalClients() {
	f.must(f.Apply(f.ctx, "policy", f.documented(2)))
	f.eventually("Envoy's SVID", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	require.Empty(f.t, f.answered(200, f.nobody))
	header := f.answered(200, f.client)
	require.Contains(f.t, header, "URI=spiffe://example.org/client")
	require.NotContains(f.t, header, "forged")
	require.Empty(f.t, f.answered(403, f.stranger))
	_, err := f.WaitAccessLog(f.soon(), mutualHost, "rbac_access_denied_matched_policy[none]")
	f.must(err)
	f.ordinaryIsUntouched()
}

// foreignCertificates: a certificate that the trust domain's authority did not sign is rejected,
// whichever ID it has. It is not treated like a missing one.
func (f *frontend) foreignCertificates() {
	own := selfSigned(f.t, manifest.ID("/client"))
	f.mustReject(own, unknownAuthority)
	for _, domain := range []string{manifest.TrustDomain, "other.org"} {
		f.mustReject(f.foreign(domain, "/client"), unknownAuthority)
	}
}

// foreign returns a client of another issuer, which may have the same trust domain.
func (f *frontend) foreign(domain, path string) tlsClient {
	f.t.Helper()
	program, err := os.Executable()
	f.must(err)
	issuer, err := devspiffe.New(devspiffe.Config{TrustDomain: domain, Socket: filepath.Join(f.t.TempDir(), "agent.sock")})
	f.must(err)
	f.must(issuer.AddEntry(devspiffe.Entry{ID: "spiffe://" + domain + path, Path: program}))
	f.must(issuer.Start())
	defer issuer.Stop()
	clients, err := svidClients(f.soon(), issuer.Socket(), path)
	f.must(err)
	return clients[path]
}

// noResumption: a rejected client cannot resume the session in which it was rejected, which Envoy
// would not verify again.
func (f *frontend) noResumption() {
	sessions := tls.NewLRUClientSessionCache(1)
	for range 3 {
		config := f.stranger.config(mutualHost)
		config.ClientSessionCache, config.MaxVersion = sessions, tls.VersionTLS12
		resumed, status := f.answer(config)
		require.False(f.t, resumed)
		require.Equal(f.t, 403, status)
	}
	for range 3 {
		config := f.stranger.config(mutualHost)
		config.ClientSessionCache = sessions
		resumed, status := f.answer(config)
		require.False(f.t, resumed)
		require.Equal(f.t, 403, status)
	}
}

// answer sends a request and reports whether its connection resumed a session.
func (f *frontend) answer(config *tls.Config) (resumed bool, status int) {
	f.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialTLSContext: dialer(config, &resumed)}
	request, err := http.NewRequestWithContext(f.soon(), http.MethodGet, "https://"+mutualHost+"/", nil)
	f.must(err)
	response, err := transport.RoundTrip(request)
	f.must(err)
	f.must(response.Body.Close())
	return resumed, response.StatusCode
}

// forwarded: a client without a certificate cannot claim one, unless the policy permits that for
// all clients.
func (f *frontend) forwarded() {
	for mode, wanted := range map[string]string{"Sanitize": "", "ForwardOnly": "", "AppendForward": "", "AlwaysForwardOnly": forged.Get("X-Forwarded-Client-Cert")} {
		f.replace("https", fmt.Sprintf("%s  clients: [{exact: spiffe://example.org/client}]\n  xForwardedClientCert: {mode: %s}\n", optionalByAuthorities, mode))
		f.eventually("Envoy's SVID", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
		require.Equal(f.t, wanted, f.answered(200, f.nobody), mode)
		require.Empty(f.t, f.answered(403, f.stranger), mode)
	}
}

const optionalByAuthorities = "  clientCertificates: Optional\n  trustBundleFormat: CertificateAuthorities\n"

// requiredByAuthorities: certificates can also be required with these bundles.
func (f *frontend) requiredByAuthorities() {
	f.replace("https", "  trustBundleFormat: CertificateAuthorities\n  clients: [{regex: 'spiffe://example\\.org/cl[a-z]+'}]\n")
	f.eventually("the client to be served", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.mustReject(f.stranger, unknownCertificate)
	f.mustReject(f.nobody, noCertificate)
}

// optionalEverywhere: requests without TLS are rejected as before, which must not affect those with
// TLS. Every workload of the trust domain is accepted, but no other.
func (f *frontend) optionalEverywhere() {
	f.replace("", optionalByAuthorities+"  allowAnyInTrustDomain: true\n")
	f.eventually("Envoy's SVID", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.until(mutualHost, "a rejection of plaintext", envoy.Status(403))
	f.answered(200, f.nobody)
	f.answered(200, f.client)
	f.answered(200, f.stranger)
	f.impostor()
}

// impostor: an ID of another trust domain is rejected even if an authority of this trust domain
// signed it, as a compromised or shared one may. SPIRE's does not.
func (f *frontend) impostor() {
	issuer, isDev := f.SPIFFE.(interface {
		AddEntry(entry devspiffe.Entry) error
	})
	if !isDev {
		return
	}
	program, err := os.Executable()
	f.must(err)
	f.must(issuer.AddEntry(devspiffe.Entry{ID: "spiffe://other.org/impostor", Path: program}))
	var clients map[string]tlsClient
	f.wait("the impostor's SVID", func(ctx context.Context) error {
		clients, err = svidClients(ctx, f.SPIFFE.Socket(), "/impostor")
		return err
	})
	f.answered(403, clients["/impostor"])
}
