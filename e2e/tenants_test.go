//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// sharedBackend is a backend that requires a client certificate.
const sharedBackend = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: shared, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3443}}]}
`

// toShared returns a route to the shared backend.
func toShared(name string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [%[1]s.example.com]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: shared}]}]
`, name)
}

// TestMergedBackends: Envoy Gateway creates one cluster for all routes to a backend. Nevertheless,
// each route has its own policy, the Gateway's, or none.
func TestMergedBackends(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{MergeBackends: true})
	f.apply("shared", sharedBackend)
	for _, name := range []string{"of-gateway", "leaves", "mistaken"} {
		f.apply(name, toShared(name))
		f.until(name+".example.com", "the backend to reject cleartext", envoy.Status(400))
	}
	clusters, err := f.Clusters(f.soon())
	f.must(err)
	require.Contains(t, clusters, "backend/default/shared/0/http", "what the test is about")

	leave := f.policy("HTTPRoute", "leaves", "")
	leave.PlaintextBackends = "Leave"
	f.policies(leave)
	f.effect(f.policy("Gateway", "eg", ""), "of-gateway.example.com", seesEnvoy)
	mistaken := f.policy("HTTPRoute", "mistaken", "")
	mistaken.Peers = []string{"exact: spiffe://example.org/nobody"}
	f.policies(mistaken)
	f.until("mistaken.example.com", "a rejection", envoy.Status(503))
	for range 20 {
		require.Equal(t, 400, f.get("leaves.example.com", "/").Status, "cleartext, as its policy says")
		require.True(t, seesEnvoy(f.get("of-gateway.example.com", "/")))
		require.Equal(t, 503, f.get("mistaken.example.com", "/").Status)
	}
}

// strictEnvoy makes Envoy reject every cluster with a long regular expression. No policy that
// egraft accepts makes Envoy reject a cluster with Envoy Gateway's own configuration.
const strictEnvoy = `
layered_runtime:
  layers:
  - name: strict
    static_layer: {re2.max_program_size.error_level: 150}
`

// TestRejectedClusterIsNeverCleartext: a policy changes a cleartext backend to TLS, and Envoy
// rejects the cluster. Only requests to this backend are rejected.
func TestRejectedClusterIsNeverCleartext(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Bootstrap: strictEnvoy})
	backend := f.recorder()
	route := backend.route("rejected", "")
	f.routes(route, echoRoute, plainRoute)
	f.until(route.Host(), "a response before the policy", recordedAnswer)
	f.until(plainRoute.Host(), "a response before the policy", cleartext)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)

	policy := f.policy("HTTPRoute", route.Name, "")
	policy.Peers = []string{`regex: 'spiffe://example\.org/` + strings.Repeat("x", 150) + `'`}
	f.policies(policy)
	f.until(route.Host(), "a rejection", envoy.Status(503))
	rejected, err := f.Stat(f.soon(), "^cluster_manager.cds.update_rejected$")
	f.must(err)
	require.NotZero(t, rejected, "what the test is about")
	before := backend.cleartext.Load()
	for range 50 {
		require.Equal(t, 503, f.get(route.Host(), "/").Status)
	}
	require.Equal(t, before, backend.cleartext.Load(), "cleartext requests")
	require.True(t, seesEnvoy(f.get(echoRoute.Host(), "/")))
	require.True(t, cleartext(f.get(plainRoute.Host(), "/")))
}

// TestRoutesNotIncludedDeny: Envoy Gateway sends no routes in the Translation hook, so egraft
// cannot determine the routes of a policy. The routes of a policy, and the backends of a Gateway
// with a policy, are rejected; without a policy, nothing is.
func TestRoutesNotIncludedDeny(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Managers: without(t, "route")})
	backend := f.recorder()
	f.routes(backend.route("secured", ""), backend.route("free", ""))
	f.untilAsked("secured.example.com", 200)
	f.policies(f.policy("HTTPRoute", "secured", ""))
	f.untilAsked("secured.example.com", 503)
	before := backend.connections.Load()
	for range 20 {
		f.untilAsked("secured.example.com", 503)
	}
	require.Equal(t, before, backend.connections.Load(), "connections to a backend that the policy protects")
	f.untilAsked("free.example.com", 200)
	f.policies(f.policy("Gateway", "eg", ""))
	f.untilAsked("free.example.com", 503)
}
