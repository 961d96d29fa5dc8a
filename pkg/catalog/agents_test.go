package catalog_test

import (
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// mtlsPolicy returns a BackendMTLSPolicy with its own agent. A smaller year makes it older.
func mtlsPolicy(namespace, name, targetKind, target, socket string, year int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":%q,"name":%q,"creationTimestamp":"%d-01-01T00:00:00Z"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":%q,"name":%q}],"trustDomain":"example.org","workloadIdentifier":"/envoy",
		"peers":[{"exact":"spiffe://example.org/x"}],"agent":{"socketPath":%q}}}`, namespace, name, year, targetKind, target, socket)
}

// TestManyAgentsHurtNobody: a tenant has a thousand policies, each with another agent. There is no
// shared limit that one tenant could exhaust: an agent is not a cluster of Envoy.
func TestManyAgentsHurtNobody(t *testing.T) {
	const many = 1003
	e := builtin(t)
	vh := &routev3.VirtualHost{}
	require.NoError(t, proto.Unmarshal(fromYAML(t, vh, `{name: a, domains: ["*"], metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, namespace: infra, name: eg, sectionName: http}]}}}}`), vh))
	var clusters [][]byte
	add := func(namespace string, i int, policy []byte) {
		raw := fromYAML(t, &routev3.Route{}, fmt.Sprintf(`
name: httproute/%[2]s/r%[1]d/rule/0/match/0
match: {prefix: /%[2]s/%[1]d}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: %[2]s, name: r%[1]d}]}}}
route: {cluster: httproute/%[2]s/r%[1]d}
`, i, namespace))
		if policy != nil {
			res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: [][]byte{policy}, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}}})
			require.NoError(t, err)
			raw = res.Resources[0].Encoded[0]
		}
		r := &routev3.Route{}
		require.NoError(t, proto.Unmarshal(raw, r))
		vh.Routes = append(vh.Routes, r)
		clusters = append(clusters, fromYAML(t, &clusterv3.Cluster{}, fmt.Sprintf(`
name: httproute/%[2]s/r%[1]d
connectTimeout: 1s
type: EDS
edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}}
`, i, namespace)))
	}
	for i := range many {
		add("evil", i, mtlsPolicy("evil", fmt.Sprintf("p%d", i), "HTTPRoute", fmt.Sprintf("r%d", i), fmt.Sprintf("/a/%d", i), 2030))
	}
	add("victim", 0, nil)
	res, err := e.Run(t.Context(), &engine.Call{
		Hook: mutator.HookTranslation, Objects: [][]byte{mtlsPolicy("infra", "p", "Gateway", "eg", "/run/spire/agent.sock", 2020)},
		Resources: []engine.Resources{
			{Kind: mutator.KindCluster, Encoded: clusters},
			{Kind: mutator.KindSecret},
			{Kind: mutator.KindListener, Encoded: [][]byte{[]byte("\n\x01l")}},
			{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{deterministic(t, &routev3.RouteConfiguration{Name: "rc", VirtualHosts: []*routev3.VirtualHost{vh}})}},
		},
	})
	require.NoError(t, err)

	require.Len(t, res.Resources[0].Encoded, 2*(many+1), "nothing is added but the clusters as they came")
	for _, raw := range res.Resources[0].Encoded[:many+1] {
		require.NotNil(t, clusterOf(t, raw).GetTransportSocket())
	}
	for _, p := range res.Policies {
		require.Equal(t, mutator.Programmed, p.Reason, p.Policy)
	}
}
