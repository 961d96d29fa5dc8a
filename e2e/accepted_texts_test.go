//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"
)

// Ports of the world's listeners.
const (
	listenAt  = 10080
	httpsAt   = 10443
	tenantsAt = 20000
)

// fromText parses a resource as Envoy Gateway creates it.
func fromText[T proto.Message](t *testing.T, m T, text string, arguments ...any) T {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(fmt.Appendf(nil, text, arguments...))
	require.NoError(t, err)
	require.NoError(t, protojson.Unmarshal(asJSON, m))
	return m
}

const tenantRoute = `
name: httproute/%[1]s/httproute/rule/0/match/0
match: {prefix: /}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: %[1]s, name: httproute}]}}}
route: {cluster: httproute/%[1]s/httproute/rule/0, timeout: 7200s}
`

const tenantHost = `
name: %[1]s
domains: [%[1]s, %[1]s.example.org]
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, namespace: %[1]s, name: gateway, sectionName: it}]}}}
`

const plainCluster = `
name: httproute/%[1]s/httproute/rule/0
connectTimeout: 1s
type: STATIC
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: %[1]s, name: httproute}]}}}
loadAssignment: {clusterName: x, endpoints: [{lbEndpoints: [{endpoint: {address: {socketAddress: {address: 127.0.0.1, portValue: %[2]d}}}}]}]}
`

const tlsCluster = plainCluster + `
transportSocketMatches:
- name: httproute/%[1]s/httproute/rule/0/tls/0
  match: {name: httproute/%[1]s/httproute/rule/0/tls/0}
  transportSocket:
    name: envoy.transport_sockets.tls
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      sni: %[1]s.example.org
      commonTlsContext:
        alpnProtocols: [http/1.1]
        validationContext:
          trustedCa: {filename: /etc/ssl/certs/ca-certificates.crt}
          matchTypedSubjectAltNames: [{sanType: DNS, matcher: {exact: %[1]s.example.org}}]
`

const connectionManager = `
  - name: envoy.filters.network.http_connection_manager
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      statPrefix: http
      useRemoteAddress: true
      rds: {routeConfigName: %[3]s, configSource: {ads: {}, resourceApiVersion: V3}}
      httpFilters:
      - name: envoy.filters.http.lua
        typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}
      - name: envoy.filters.http.router
        typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`

const httpListener = `
name: %[1]s
address: {socketAddress: {address: 127.0.0.1, portValue: %[2]d}}
defaultFilterChain:
  name: %[1]s
  filters:` + connectionManager

const httpsListener = `
name: https
address: {socketAddress: {address: 127.0.0.1, portValue: %d}}
listenerFilters:
- name: envoy.filters.listener.tls_inspector
  typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector}
`

const tlsChain = `
name: %[1]s
filterChainMatch: {serverNames: [%[1]s.example.org]}
transportSocket:
  name: envoy.transport_sockets.tls
  typedConfig:
    '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
    commonTlsContext:
      alpnProtocols: [h2, http/1.1]
      tlsCertificateSdsSecretConfigs: [{name: %[1]s, sdsConfig: {ads: {}, resourceApiVersion: V3}}]
filters:
- name: envoy.filters.network.http_connection_manager
  typedConfig:
    '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
    statPrefix: https
    useRemoteAddress: true
    rds: {routeConfigName: %[1]s, configSource: {ads: {}, resourceApiVersion: V3}}
    httpFilters:
    - name: envoy.filters.http.router
      typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`
