//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/manifest"
)

// Hosts of the listener with an ordinary certificate.
const (
	webHost = "web.example.net"
	rpcHost = "rpc.example.net"
	// webName is the name in the certificate of the backend of [webHost].
	webName = "web.internal"
)

// interplayListeners are the Gateway's listeners besides http and second. The two with TLS share a
// port, and so HTTP/3.
func interplayListeners() []string {
	return []string{
		tlsListeners[0],
		`{name: ordinary, protocol: HTTPS, port: 8443, hostname: "*.example.net", tls: {certificateRefs: [{name: second}]}}`,
		"{name: tcp, protocol: TCP, port: 8892}",
	}
}

// rpcRoute returns a route for gRPC calls to a port.
func rpcRoute(port int) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: rpc, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: ordinary}]
  hostnames: [%s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: rpc}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: rpc, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, rpcHost, port)
}

// webRoute returns a route to a backend with its own TLS, declared by a BackendTLSPolicy.
func (f *fixture) webRoute() string {
	f.t.Helper()
	port, ca := f.ordinaryBackend(webName)
	r := manifest.Route{Name: "web", Port: port, CA: ca, Hostname: webName, Section: "ordinary"}
	return strings.Replace(r.YAML(), r.Host(), webHost, 1)
}

// gatewaysOwn returns Envoy Gateway's policies for the same purposes as egraft's, with the names
// that they patch.
func gatewaysOwn() string {
	return strings.NewReplacer("LISTENER", xdsListener("http"), "ROUTES", xdsRoutes("http")).Replace(gatewaysOwnYAML)
}

const gatewaysOwnYAML = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: all, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  connection: {bufferLimit: 16Ki}
  headers: {earlyRequestHeaders: {set: [{name: x-early, value: gateway}]}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: ordinary, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: ordinary}]
  http3: {}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: https, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}]
  tls: {minVersion: "1.3"}
  headers: {xForwardedClientCert: {mode: Sanitize}}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: hedged, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: hedged}]
  timeout: {http: {requestTimeout: 1s}}
  retry: {numRetries: 2, retryOn: {triggers: [retriable-status-codes], httpStatusCodes: [418]}}
  circuitBreaker: {maxParallelRetries: 8}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: uploads, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: uploads}]
  requestBuffer: {limit: 10Ki}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: pool, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: pool}]
  authorization:
    defaultAction: Allow
    rules: [{action: Deny, principal: {headers: [{name: x-team, values: [strangers]}]}}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata: {name: patches, namespace: default}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: eg}
  type: JSONPatch
  jsonPatches:
    - type: type.googleapis.com/envoy.config.route.v3.RouteConfiguration
      name: ROUTES
      operation:
        op: add
        path: /response_headers_to_add
        value: [{header: {key: x-patched-routes, value: "yes"}}]
    - type: type.googleapis.com/envoy.config.listener.v3.Listener
      name: LISTENER
      operation:
        op: add
        path: /default_filter_chain/filters/0/typed_config/http_filters/0
        value:
          name: envoy.filters.http.header_mutation/patched
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
            mutations: {response_mutations: [{append: {header: {key: x-patched-filters, value: "yes"}}}]}
    - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
      name: httproute/default/tls/rule/0
      operation: {op: add, path: /alt_stat_name, value: patched}
`

// countingPool is the example of docs/original-destination-backend.md, with a script that also
// counts the body and so needs the whole of it.
func (f *fixture) countingPool() string {
	f.t.Helper()
	const begin = "        local wanted = "
	example := f.poolExample()
	require.Contains(f.t, example, begin)
	return strings.Replace(example, begin, `        local body = handle:body()
        handle:headers():replace("x-length", tostring(body and body:length() or 0))
`+begin, 1)
}

// documentedOrder returns the filters in docs/how-policies-interact.md, which lists all of egraft's
// filters in a chain.
func (f *fixture) documentedOrder() []string {
	f.t.Helper()
	page, err := os.ReadFile("../docs/how-policies-interact.md")
	f.must(err)
	_, rest, _ := strings.Cut(string(page), "```text\n")
	order, _, found := strings.Cut(rest, "\n```")
	require.True(f.t, found)
	return strings.Split(order, "\n")
}
