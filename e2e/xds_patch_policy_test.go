//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestPatchPolicies: a policy of a Gateway and one of a route change Envoy's configuration and
// behaviour, each for its own target, and only while they exist.
func TestPatchPolicies(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	backend := f.countingBackend(filterBackend)
	for _, host := range []string{filteredHost, unfilteredHost} {
		f.filteredRoute(host, backend.port)
		f.until(host, "a response", envoy.Status(200))
	}
	f.run("Gateway", func(f *fixture) {
		f.apply("patch", examplesOf(t, "../docs/xds-patch-policy.md")[""])
		f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, largeHeadersPass, unfilteredHost, true) })
		require.Contains(t, f.configured(f.soon(), "dynamic_listeners "+xdsListener("http")), `"max_request_headers_kb": 96`)
	})
	f.wait("the Gateway without the policy", func(ctx context.Context) error { return f.is(ctx, largeHeadersPass, unfilteredHost, false) })
	f.run("route", func(f *fixture) {
		f.apply("patch", patchPolicy("kind: HTTPRoute, name: web",
			`{select: {kind: Route}, merge: {route: {timeout: 0.1s}}}`, `{select: {kind: Cluster}, merge: {connect_timeout: 0.7s}}`))
		f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, routeTimesOut, filteredHost, true) })
		f.must(f.is(f.soon(), routeTimesOut, unfilteredHost, false))
		f.must(f.WaitSettled(f.soon()))
		for route, want := range map[string]string{"web": "0.700s", "other": "10s"} {
			cluster, err := f.RouteCluster(f.soon(), route)
			f.must(err)
			require.Equal(f.t, want, cluster["connect_timeout"], route)
		}
	})
	f.wait("the route without the policy", func(ctx context.Context) error { return f.is(ctx, routeTimesOut, filteredHost, false) })
	f.healthy(f.soon())
}

// patchPolicy returns a policy for a target, such as "kind: Gateway, name: eg".
func patchPolicy(target string, patches ...string) string {
	return `
apiVersion: egraft.io/v1alpha1
kind: XDSPatchPolicy
metadata: {name: patch, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, ` + target + `}]
  patches:
  - ` + strings.Join(patches, "\n  - ") + "\n"
}

// configured returns a resource that Envoy uses, in JSON.
func (f *fixture) configured(ctx context.Context, name string) string {
	f.t.Helper()
	all, err := f.Configuration(ctx)
	f.must(err)
	require.Contains(f.t, all, name)
	return all[name]
}
