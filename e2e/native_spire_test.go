//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// natively configures SPIRE with Envoy Gateway's own means: Secrets that name secrets of an SDS
// server, here of the agent. Envoy reaches the backend at the port by TLS with its SVID, and
// verifies echo's host name.
func natively(host string, port int, agent string) string {
	secret := func(name, sds string) string {
		return fmt.Sprintf(`---
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: default}
type: gateway.envoyproxy.io/sds
data: {secretName: %s, url: %s}
`, name, encoded(sds), encoded("unix://"+agent))
	}
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: native, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [%s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: native}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: native, namespace: default}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: %d}}]
  tls:
    clientCertificateRef: {group: "", kind: Secret, name: svid}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: native, namespace: default}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: native}]
  validation: {hostname: echo.example.org, caCertificateRefs: [{group: "", kind: Secret, name: bundle}]}
`, host, port) + secret("svid", manifest.ID(manifest.EnvoyIdentity)) + secret("bundle", "spiffe://"+manifest.TrustDomain)
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestNativeSPIRE: statements of docs/why.md about SPIRE with Envoy Gateway's own means. It is
// mutual TLS, but any workload of the trust domain is accepted as the backend, even one with
// another host name in its certificate. With a BackendMTLSPolicy for the same backend, only the
// SPIFFE IDs that it lists are accepted.
func TestNativeSPIRE(t *testing.T) {
	needs(t, here)
	needsAuthority(t, standalone.SPIRE)
	const host = "native.example.com"
	f := start(t, standalone.Options{SPIFFE: standalone.SPIRE, Gateway: "extensionApis: {enableBackend: true, enableSDSSecretRef: true}"})
	of := map[string]int{}
	for _, b := range standalone.DefaultBackends() {
		of[b.Name] = b.Port
	}
	for _, backend := range []string{"echo", "other"} {
		f.apply("native", natively(host, of[backend], f.AgentSocket()))
		response := f.until(host, "a response of "+backend, func(r *envoy.Response) bool {
			return r.Echo != nil && r.Echo.Self == manifest.ID("/"+backend)
		})
		require.Equal(t, manifest.ID(manifest.EnvoyIdentity), response.Echo.Peer, "mutual TLS")
	}
	policy := manifest.NewPolicy(f.AgentSocket())
	policy.Kind, policy.Target = "HTTPRoute", "native"
	f.must(f.ApplyPolicy(f.ctx, policy))
	f.until(host, "Envoy to reject a backend that is not echo", envoy.Status(503))
	f.apply("native", natively(host, of["echo"], f.AgentSocket()))
	f.until(host, "echo", func(r *envoy.Response) bool { return r.Echo != nil && r.Echo.Self == manifest.ID("/echo") })
}
