package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// mtlsPolicy is a BackendMTLSPolicy with an agent of its own; the smaller the year, the older.
func mtlsPolicy(namespace, name, targetKind, target, socket string, year int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":%q,"name":%q,"creationTimestamp":"%d-01-01T00:00:00Z"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":%q,"name":%q}],"trustDomain":"example.org","workloadIdentifier":"/envoy",
		"peers":[{"exact":"spiffe://example.org/x"}],"agent":{"socketPath":%q}}}`, namespace, name, year, targetKind, target, socket)
}

// TestAgentsPastTheLimit has a tenant with more policies, each of another agent, than resources may
// be added. The policy of a Gateway, which is older, is in effect, and so are a thousand less one
// of the tenant's. What the others reach is denied, and their outcomes say so.
func TestAgentsPastTheLimit(t *testing.T) {
	const many, limit = 1003, 1000
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

	agents, denied := map[string]bool{}, map[string]bool{}
	for _, raw := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(t, proto.Unmarshal(raw, c))
		switch {
		case strings.HasPrefix(c.GetName(), "egraft/agent"):
			agents[c.GetName()] = true
		case c.GetType() == clusterv3.Cluster_STATIC:
			require.Nil(t, c.GetTransportSocket(), "it refers to no agent")
			denied[c.GetName()] = true
		default:
			require.NotNil(t, c.GetTransportSocket())
		}
	}
	require.Len(t, agents, limit)
	require.True(t, agents["egraft/agent/run/spire/agent.sock"])
	require.Len(t, denied, many+1-limit)
	require.False(t, denied["httproute/victim/r0"])

	failed := 0
	for _, p := range res.Policies {
		of := "httproute/evil/r" + strings.TrimPrefix(p.Policy.Name, "p")
		if p.Policy.Namespace == "infra" || !denied[of] {
			require.NotEqual(t, mutator.Failed, p.Reason, p.Message)
			continue
		}
		require.Equal(t, mutator.Failed, p.Reason)
		require.Contains(t, p.Message, "is not added: 1004 resources of kind Cluster are more than the 1000 that may be added; those of the oldest policies are; requests are refused")
		failed++
	}
	require.Equal(t, len(denied), failed)
}
