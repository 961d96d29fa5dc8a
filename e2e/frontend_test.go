//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// Alerts with which Envoy rejects a client.
const (
	unknownCertificate = "unknown certificate"
	noCertificate      = "certificate required"
)

// Hosts of the two TLS listeners, which share a port.
const (
	mutualHost   = "mutual.example.com"
	ordinaryHost = "ordinary.example.com"
)

var tlsListeners = []string{
	"{name: https, protocol: HTTPS, port: 8443, hostname: mutual.example.com, tls: {certificateRefs: [{name: first}]}}",
	"{name: ordinary, protocol: HTTPS, port: 8443, hostname: ordinary.example.com, tls: {certificateRefs: [{name: second}]}}",
}

const frontendRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: frontend, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [mutual.example.com, ordinary.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /old}}]
      filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]
    - backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: frontend}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: frontend, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3080}}]}
`

// TestFrontend tests the effects of FrontendMTLSPolicy on clients.
func TestFrontend(t *testing.T) {
	needs(t, here)
	for _, mode := range []standalone.SPIFFEMode{standalone.Dev, standalone.SPIRE} {
		t.Run(string(mode), func(t *testing.T) {
			needsAuthority(t, mode)
			f := &frontend{fixture: start(t, standalone.Options{SPIFFE: mode, Listeners: tlsListeners})}
			f.begin()
			f.required()
			f.rotation()
			f.optional()
			f.disabled()
			f.wrong()
			f.plaintext()
			f.end()
		})
	}
}

type frontend struct {
	*fixture
	client, stranger, nobody tlsClient
}

// policy returns a policy for the listener, or for the whole Gateway.
func (f *frontend) policy(section, more string) string {
	if section != "" {
		section = ", sectionName: " + section
	}
	return fmt.Sprintf(`
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {name: frontend, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg%s}]
  trustDomain: %s
  workloadIdentifier: %s
  agent: {socketPath: %s}
%s`, section, manifest.TrustDomain, manifest.EnvoyIdentity, f.AgentSocket(), more)
}

// documented returns the n-th example on the policy's page, with this environment's agent.
func (f *frontend) documented(n int) string {
	f.t.Helper()
	example := examples(f.t)[n]
	require.Contains(f.t, example, "/run/spire/agent.sock")
	return strings.Replace(example, "/run/spire/agent.sock", f.AgentSocket(), 1)
}

// examples returns the resources on the policy's page.
func examples(t *testing.T) (out []string) {
	t.Helper()
	page, err := os.ReadFile("../docs/frontend-mtls-policy.md")
	require.NoError(t, err)
	for _, rest := range strings.Split(string(page), "```yaml\n")[1:] {
		example, _, found := strings.Cut(rest, "```")
		require.True(t, found)
		out = append(out, example)
	}
	return out
}

// replace replaces the policy. The file provider merges new files with what it has read, so the old
// policy must be deleted first.
func (f *frontend) replace(section, more string) {
	f.t.Helper()
	f.must(f.Delete(f.ctx, "policy"))
	f.eventually("the policy before to be gone", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == "" })
	f.must(f.Apply(f.ctx, "policy", f.policy(section, more)))
}

// eventually sends requests until one gets the wanted response.
func (f *frontend) eventually(what string, by tlsClient, host string, wanted func(*tlsResponse) bool) (last *tlsResponse) {
	f.t.Helper()
	f.wait(what, func(ctx context.Context) error {
		response, err := by.get(ctx, host, nil)
		if err != nil {
			return err
		}
		if last = response; !wanted(response) {
			return fmt.Errorf("got %d from %q", response.status, response.id())
		}
		return nil
	})
	return last
}

// mustReject requires that Envoy ends the connection of a client with an alert.
func (f *frontend) mustReject(by tlsClient, alert string) {
	f.t.Helper()
	require.EqualError(f.t, by.rejection(f.soon(), mutualHost), "remote error: tls: "+alert)
}

// ordinaryIsUntouched requires that the other listener has its own certificate and serves clients
// without one.
func (f *frontend) ordinaryIsUntouched() {
	f.t.Helper()
	response, err := f.nobody.get(f.soon(), ordinaryHost, nil)
	f.must(err)
	require.Equal(f.t, 200, response.status)
	require.Equal(f.t, []string{ordinaryHost}, response.server.DNSNames)
}

// secrets returns the names of Envoy's secrets.
func (f *frontend) secrets(ctx context.Context) (names []string, err error) {
	page, err := f.EnvoyAdmin(ctx, "/config_dump?resource=dynamic_active_secrets")
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []struct {
			Name string `json:"name"`
		} `json:"configs"`
	}
	err = json.Unmarshal(page, &dump)
	for _, c := range dump.Configs {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names, err
}

// hasSecrets waits until Envoy has exactly these secrets.
func (f *frontend) hasSecrets(wanted ...string) {
	f.t.Helper()
	f.wait(fmt.Sprintf("Envoy to have the secrets %q", wanted), func(ctx context.Context) error {
		names, err := f.secrets(ctx)
		names = slices.DeleteFunc(names, func(n string) bool { return n == "xds_certificate" || n == "xds_trusted_ca" })
		if err == nil && !slices.Equal(names, wanted) {
			err = fmt.Errorf("it has %q", names)
		}
		return err
	})
}

// begin: both listeners have their ordinary certificates.
func (f *frontend) begin() {
	clients := f.svidsFor("/client", "/stranger")
	f.client, f.stranger = clients["/client"], clients["/stranger"]
	f.must(f.Apply(f.ctx, "secrets", certificateSecret(f.t, "first", mutualHost)+certificateSecret(f.t, "second", ordinaryHost)))
	f.must(f.Apply(f.ctx, "frontend", frontendRoute))
	response := f.eventually("the ordinary certificate", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 })
	require.Equal(f.t, []string{mutualHost}, response.server.DNSNames)
	f.ordinaryIsUntouched()
	f.hasSecrets("default/first", "default/second")
}

// required: the listener presents the SVID and serves the permitted client. The backend sees the
// client's ID, whatever the client claims.
func (f *frontend) required() {
	start := time.Now()
	f.must(f.Apply(f.ctx, "policy", f.documented(0)))
	f.eventually("Envoy's SVID", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	f.t.Logf("in effect after %s", time.Since(start).Round(time.Millisecond))
	f.mustReject(f.stranger, unknownCertificate)
	f.mustReject(f.nobody, noCertificate)
	response, err := f.client.get(f.soon(), mutualHost, http.Header{"X-Forwarded-Client-Cert": {"URI=spiffe://example.org/forged"}})
	f.must(err)
	header := response.echo.Headers["X-Forwarded-Client-Cert"]
	require.Contains(f.t, header, "URI=spiffe://example.org/client")
	require.NotContains(f.t, header, "forged")
	f.ordinaryIsUntouched()
	require.Equal(f.t, 200, f.get(mutualHost, "/").Status, "the listener without TLS is no target")
	f.hasSecrets("default/second", "spiffe://example.org", "spiffe://example.org/envoy")
}

// rotation: no new connection fails while Envoy's SVID is replaced.
func (f *frontend) rotation() {
	serials, served := map[string]bool{}, 0
	for deadline := time.Now().Add(patience); len(serials) < 4; served++ {
		require.True(f.t, time.Now().Before(deadline), "%d serial numbers in %d requests", len(serials), served)
		if served%100 == 50 {
			f.must(f.SPIFFE.Rotate(f.soon()))
		}
		response, err := f.client.get(f.ctx, mutualHost, nil)
		require.NoError(f.t, err, "request %d", served)
		require.Equal(f.t, 200, response.status)
		serials[response.server.SerialNumber.String()] = true
	}
	f.t.Logf("%d requests, none failed, %d SVIDs", served, len(serials))
}

// optional: with bundles in SPIFFE's format, Envoy requires a certificate from every client. An
// Optional policy without another format is rejected, and one with a wrong format is stricter than
// intended.
func (f *frontend) optional() {
	const optional = "  clientCertificates: Optional\n  clients: [{prefix: spiffe://example.org/client}]\n"
	f.replace("https", optional)
	f.eventually("a rejection", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 500 })
	f.ordinaryIsUntouched()
	f.logged("egraft", `"Invalid"`, "FrontendMTLSPolicy default/frontend", "clientCertificates is Optional, and with bundles in SPIFFE's format, Envoy requires a certificate from every client")
	f.replace("https", optional+"  trustBundleFormat: CertificateAuthorities\n")
	f.eventually("the client to be served", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.mustReject(f.nobody, noCertificate)
	response, err := f.stranger.get(f.soon(), mutualHost, nil)
	f.must(err)
	require.Equal(f.t, 403, response.status)
	f.ordinaryIsUntouched()
}

// disabled: no client certificate is requested.
func (f *frontend) disabled() {
	f.replace("https", "  clientCertificates: Disabled\n")
	f.eventually("Envoy's SVID", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.eventually("the stranger to be served", f.stranger, mutualHost, func(r *tlsResponse) bool { return r.status == 200 })
}

// wrong: an invalid policy denies its own listener.
func (f *frontend) wrong() {
	f.replace("https", "")
	f.eventually("a rejection", f.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 500 })
	f.eventually("a rejection", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 500 })
	f.ordinaryIsUntouched()
	require.Equal(f.t, 200, f.get(mutualHost, "/").Status, "the listener without TLS is no target")
	f.logged("egraft", `"Invalid"`, "FrontendMTLSPolicy default/frontend")
}

// plaintext: for the whole Gateway, requests without TLS are also rejected, but redirects are
// served.
func (f *frontend) plaintext() {
	f.replace("", "  allowAnyInTrustDomain: true\n")
	f.eventually("Envoy's SVID", f.stranger, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.eventually("Envoy's SVID on the other listener", f.client, ordinaryHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() != "" })
	f.mustReject(f.nobody, noCertificate)
	f.until(mutualHost, "a rejection of plaintext", envoy.Status(403))
	require.Equal(f.t, 301, f.get(mutualHost, "/old").Status)
	f.hasSecrets("spiffe://example.org", "spiffe://example.org/envoy")
}

// end: without the policy, everything is as before.
func (f *frontend) end() {
	f.must(f.Delete(f.ctx, "policy"))
	f.eventually("the ordinary certificate", f.nobody, mutualHost, func(r *tlsResponse) bool {
		return r.status == 200 && slices.Equal(r.server.DNSNames, []string{mutualHost})
	})
	f.until(mutualHost, "plaintext", envoy.Status(200))
	f.hasSecrets("default/first", "default/second")
	content, err := f.Log(f.soon(), "egraft")
	f.must(err)
	if strings.Contains(string(content), "PRIVATE KEY") {
		f.must(errors.New("a private key is in egraft's log"))
	}
}
