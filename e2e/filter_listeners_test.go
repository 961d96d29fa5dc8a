//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/egraft/egraft/e2e/standalone"
)

// filterListeners share a port, for TCP and for HTTP/3: one has a host name, and the other serves
// all remaining hosts.
var filterListeners = []string{
	"{name: named, protocol: HTTPS, port: 8443, hostname: web.example.com, tls: {certificateRefs: [{name: first}]}}",
	"{name: rest, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: second}]}}",
}

const withHTTP3 = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: http3, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  http3: {}
`

// shopRoute is a route of the other Gateway on the same port, with the same name as the filtered
// one.
const shopRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{name: eg}]
  hostnames: [shop.example.org]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: web}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: web, namespace: shop}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`

// TestPoliciesOnAllListeners: the filters and patches of a route are in effect on every listener
// that serves it, by every version of HTTP, and on no other route: neither on the same listeners,
// nor of another Gateway on the same port. The name scheme in Envoy makes no difference, nor do
// clusters that both routes share.
func TestPoliciesOnAllListeners(t *testing.T) {
	needs(t, here)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // only the machine's owner can change what it warns about
	for _, merged := range []bool{false, true} {
		for _, flags := range [][]string{nil, {"XDSNameSchemeV2"}} {
			t.Run(fmt.Sprint("merged Gateways ", merged, ", flags ", flags), func(t *testing.T) {
				f := start(t, standalone.Options{MergeGateways: merged, MergeBackends: !merged, RuntimeFlags: flags, Listeners: filterListeners})
				f.policiesOnAllListeners(merged)
			})
		}
	}
}

func (f *fixture) policiesOnAllListeners(merged bool) {
	backend := f.countingBackend(filterBackend)
	f.apply("certificates", certificateSecret(f.t, "first", filteredHost)+certificateSecret(f.t, "second", unfilteredHost))
	f.apply("http3", withHTTP3)
	f.route("both", filteredHost, fmt.Sprintf(bothRoutes, backend.port))
	others := map[string][]string{unfilteredHost: {"", http11, http2, http30}}
	if merged {
		f.apply("other-gateway", otherGateway)
		f.route("shop", "shop.example.org", fmt.Sprintf(shopRoute, backend.port))
		others["shop.example.org"] = []string{""}
	}
	for host, versions := range map[string][]string{filteredHost: {"", http11, http2, http30}, unfilteredHost: {"", http11, http2, http30}} {
		for _, version := range versions {
			f.wait(host+" by "+version, func(ctx context.Context) error { return f.filteredIs(ctx, version, host, false) })
		}
	}
	page := filterPage(f.t)
	f.apply("filters", page[""]+"---\n"+page["A header for the backend"])
	for _, version := range []string{"", http11, http2, http30} {
		f.wait("the filters by "+version, func(ctx context.Context) error { return f.filteredIs(ctx, version, filteredHost, true) })
	}
	for host, versions := range others {
		for _, version := range versions {
			f.wait("no filter for "+host+" by "+version, func(ctx context.Context) error { return f.filteredIs(ctx, version, host, false) })
		}
	}
	others[filteredHost] = []string{"", http11, http2, http30}
	f.patchesOnAllListeners(merged, others)
	f.healthy(f.soon())
}

// bothRoutes have the same backend, and are on all listeners.
const bothRoutes = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [web.example.com]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: both}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: other, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [other.example.com]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: both}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: both, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`

// filteredIs requires the headers of both filters in the response, or neither. Without a version,
// the request is sent in cleartext.
func (f *fixture) filteredIs(ctx context.Context, version, host string, want bool) error {
	response, err := f.answeredBy(ctx, version, host)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	served, got := response.Header.Get("X-Served-By") == "egraft", response.Header.Get("X-Got-Egress") == "egraft"
	if response.StatusCode != http.StatusOK || served != want || got != want {
		return fmt.Errorf("%s by %q: status %d, filter in the chain: %t, upstream: %t", host, version, response.StatusCode, served, got)
	}
	return nil
}

func (f *fixture) answeredBy(ctx context.Context, version, host string) (*http.Response, error) {
	if version == "" {
		response, _, err := requested(ctx, http.MethodGet, host, "/")
		return response, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		return nil, err
	}
	transport, closeAll := tlsClient{}.transport(version, host)
	defer closeAll()
	return transport.RoundTrip(request)
}
