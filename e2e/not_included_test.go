//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// without excludes kinds of resources from the Translation hook, contrary to what egraft config
// envoy-gateway prints.
func without(t *testing.T, kinds ...string) func(string, map[string]any) ([]map[string]any, error) {
	return func(_ string, egraft map[string]any) ([]map[string]any, error) {
		translation := egraft["hooks"].(map[string]any)["xdsTranslator"].(map[string]any)["translation"].(map[string]any)
		for _, kind := range kinds {
			require.Equal(t, map[string]any{"includeAll": true}, translation[kind])
			translation[kind] = map[string]any{"includeAll": false}
		}
		return []map[string]any{egraft}, nil
	}
}

// TestNotIncluded: Envoy Gateway does not send egraft the resources that a policy concerns. Its
// targets are rejected instead of served without the policy. Other targets are unaffected.
func TestNotIncluded(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Managers: without(t, "cluster", "listener")})
	const secured, held, ignored, free = "secured.example.com", "held.example.com", "ignored.example.com", "free.example.com"
	backend := f.recorder()
	f.routes(backend.route("secured", ""), backend.route("held", ""), backend.route("ignored", ""), backend.route("free", ""))
	for _, host := range []string{secured, held, ignored, free} {
		f.untilAsked(host, 200)
	}
	f.policies(f.policy("HTTPRoute", "secured", ""))
	f.bufferPolicy("buffer-held", "kind: HTTPRoute, name: held", "maxRequestBytes: 1Mi, failurePolicy: Deny")
	f.bufferPolicy("buffer-ignored", "kind: HTTPRoute, name: ignored", "maxRequestBytes: 1Mi")
	f.untilAsked(secured, 500)
	f.untilAsked(held, 500)
	before := backend.connections.Load()
	f.untilAsked(secured, 500)
	f.untilAsked(held, 500)
	require.Equal(t, before, backend.connections.Load(), "connections to a backend that the policy protects")
	f.untilAsked(ignored, 200)
	f.untilAsked(free, 200)

	f.apply("clients", `
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {name: clients, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  allowAnyInTrustDomain: true
  plaintextListeners: Leave
`)
	f.untilAsked(free, 500)
	f.untilAsked(ignored, 500)
}
