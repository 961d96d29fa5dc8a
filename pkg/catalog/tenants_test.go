package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// backendPolicy returns a BackendMTLSPolicy with one target.
func backendPolicy(namespace, name, kind, target, year, rest string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":%q,"name":%q,"creationTimestamp":"%s-01-01T00:00:00Z"},`+
		`"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":%q,"name":%q}],"trustDomain":"example.org","workloadIdentifier":"/envoy",%s}}`,
		namespace, name, year, kind, target, rest)
}

// mergedCluster is the cluster that Envoy Gateway generates from a Service for all routes that lead
// to it.
const mergedCluster = `
name: service/shared/cart/8080
type: EDS
edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}, serviceName: service/shared/cart/8080}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Service, namespace: shared, name: cart}]}}}
`

// routeOf returns a route of a tenant after the Route hook with its own policies.
func routeOf(t *testing.T, e *engine.Engine, namespace, action string, policies ...[]byte) *routev3.Route {
	t.Helper()
	raw := fromYAML(t, &routev3.Route{}, fmt.Sprintf(`
name: httproute/%[1]s/r/rule/0/match/0
match: {prefix: /}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: %[1]s, name: r, sectionName: rule}]}}}
route: %[2]s
`, namespace, action))
	if len(policies) > 0 {
		res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: policies, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}}})
		require.NoError(t, err)
		raw = res.Resources[0].Encoded[0]
	}
	r := &routev3.Route{}
	require.NoError(t, proto.Unmarshal(raw, r))
	return r
}

// hostOf returns a virtual host of the listener http of the Gateway infra/eg.
func hostOf(t *testing.T, name string, routes ...*routev3.Route) *routev3.VirtualHost {
	t.Helper()
	vh := &routev3.VirtualHost{}
	require.NoError(t, proto.Unmarshal(fromYAML(t, vh, fmt.Sprintf(`
name: infra/eg/http/%[1]s_example_com
domains: ["%[1]s.example.com"]
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, namespace: infra, name: eg, sectionName: http}]}}}
`, name)), vh))
	vh.Routes = routes
	return vh
}

// translated is the result of a translation, by name.
type translated struct {
	res      *engine.Response
	clusters map[string]*clusterv3.Cluster
	routes   []*routev3.Route
}

func translate(t *testing.T, e *engine.Engine, objects [][]byte, clusters []string, hosts ...*routev3.VirtualHost) translated {
	t.Helper()
	lists := []engine.Resources{{Kind: mutator.KindCluster}, {Kind: mutator.KindSecret}, {Kind: mutator.KindListener, Encoded: [][]byte{[]byte("\n\x01l")}}, {Kind: mutator.KindRouteConfiguration}}
	for _, c := range clusters {
		lists[0].Encoded = append(lists[0].Encoded, fromYAML(t, &clusterv3.Cluster{}, c))
	}
	if len(hosts) > 0 {
		lists[3].Encoded = [][]byte{deterministic(t, &routev3.RouteConfiguration{Name: "infra/eg/http", VirtualHosts: hosts})}
	}
	res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation, Objects: objects, Resources: lists})
	require.NoError(t, err)
	out := translated{res: res, clusters: map[string]*clusterv3.Cluster{}}
	for _, raw := range res.Resources[0].Encoded {
		c := clusterOf(t, raw)
		out.clusters[c.GetName()] = c
	}
	for _, raw := range res.Resources[3].Encoded {
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(raw, rc))
		for _, vh := range rc.GetVirtualHosts() {
			out.routes = append(out.routes, vh.GetRoutes()...)
		}
	}
	return out
}

// reaches returns how the requests of a route reach their backend: the accepted peer, cleartext, or
// rejected.
func (r translated) reaches(t *testing.T, route int) string {
	t.Helper()
	name := r.routes[route].GetRoute().GetCluster()
	c := r.clusters[name]
	if c == nil || c.GetType() == clusterv3.Cluster_STATIC && len(c.GetLoadAssignment().GetEndpoints()) == 0 {
		return "rejected"
	}
	text, err := protojson.Marshal(c)
	require.NoError(t, err)
	for _, who := range []string{"spiffe://example.org/cart", "spiffe://example.org/evil", "spiffe://example.org/"} {
		if strings.Contains(string(text), `"`+who+`"`) {
			return who
		}
	}
	require.Nil(t, c.GetTransportSocket())
	return "cleartext"
}

func (r translated) reasons() (out []string) {
	for _, p := range r.res.Policies {
		out = append(out, p.Policy.Namespace+"/"+p.Policy.Name+" "+string(p.Reason))
	}
	return out
}

// TestMergedBackends: with mergeBackends routes of different owners lead to one cluster. No owner
// may decide how the requests of another reach it.
func TestMergedBackends(t *testing.T) {
	const strict, loose = `"peers":[{"exact":"spiffe://example.org/cart"}]`, `"allowAnyInTrustDomain":true`
	const leave = `"peers":[{"exact":"spiffe://example.org/evil"}],"plaintextBackends":"Leave"`
	for name, c := range map[string]struct {
		gateway, a, b []byte
		want          []string // how the requests of a and b reach the backend
		reasons       []string
	}{
		"the Gateway's, and none of b's": {
			backendPolicy("infra", "platform", "Gateway", "eg", "2020", strict), backendPolicy("a", "leave", "HTTPRoute", "r", "2026", leave), nil,
			[]string{"cleartext", "spiffe://example.org/cart"},
			[]string{"infra/platform Programmed", "a/leave Programmed"},
		},
		"an older one that accepts all": {
			nil, backendPolicy("a", "loose", "HTTPRoute", "r", "2024", loose), backendPolicy("b", "strict", "HTTPRoute", "r", "2026", strict),
			[]string{"spiffe://example.org/", "spiffe://example.org/cart"},
			[]string{"a/loose Programmed", "b/strict Programmed"},
		},
		"one for cleartext": {
			nil, backendPolicy("a", "leave", "HTTPRoute", "r", "2020", leave), backendPolicy("b", "strict", "HTTPRoute", "r", "2026", strict),
			[]string{"cleartext", "spiffe://example.org/cart"},
			[]string{"a/leave Programmed", "b/strict Programmed"},
		},
		"one that is nobody else's": {
			nil, backendPolicy("a", "evil", "HTTPRoute", "r", "2020", `"peers":[{"exact":"spiffe://example.org/evil"}]`), nil,
			[]string{"spiffe://example.org/evil", "cleartext"},
			[]string{"a/evil Programmed"},
		},
		"one for both": {
			backendPolicy("infra", "platform", "Gateway", "eg", "2020", strict), nil, nil,
			[]string{"spiffe://example.org/cart", "spiffe://example.org/cart"},
			[]string{"infra/platform Programmed"},
		},
	} {
		for way, action := range map[string]string{
			"cluster":  "{cluster: service/shared/cart/8080}",
			"weighted": "{weightedClusters: {clusters: [{name: service/shared/cart/8080, weight: 1}]}}",
			"mirrored": "{cluster: service/shared/cart/8080, requestMirrorPolicies: [{cluster: service/shared/cart/8080}]}",
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				e := builtin(t)
				var own [2][][]byte
				for i, p := range [][]byte{c.a, c.b} {
					if p != nil {
						own[i] = [][]byte{p}
					}
				}
				var objects [][]byte
				if c.gateway != nil {
					objects = [][]byte{c.gateway}
				}
				got := translate(t, e, objects, []string{mergedCluster},
					hostOf(t, "a", routeOf(t, e, "a", action, own[0]...)), hostOf(t, "b", routeOf(t, e, "b", action, own[1]...)))
				for i, want := range c.want {
					names := xds.ClustersOf(got.routes[i].GetRoute())
					for _, n := range names {
						require.Equal(t, names[0], n, "mirrored requests as well")
					}
					if w := got.routes[i].GetRoute().GetWeightedClusters(); w != nil {
						got.routes[i].GetRoute().ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: w.GetClusters()[0].GetName()}
					}
					require.Equal(t, want, got.reaches(t, i), "route %d", i)
					require.Equal(t, "service/shared/cart/8080", got.clusters[names[0]].GetEdsClusterConfig().GetServiceName())
				}
				require.Equal(t, c.reasons, got.reasons())
			})
		}
	}
}

// TestInvalidPolicyOfMergedBackend: an invalid policy denies only the requests of its own route.
func TestInvalidPolicyOfMergedBackend(t *testing.T) {
	e := builtin(t)
	const action = "{cluster: service/shared/cart/8080}"
	platform := backendPolicy("infra", "platform", "Gateway", "eg", "2020", `"peers":[{"exact":"spiffe://example.org/cart"}]`)
	evil := routeOf(t, e, "evil", action, backendPolicy("evil", "p", "HTTPRoute", "r", "2019", `"peers":[]`))
	require.NotNil(t, evil.GetDirectResponse())
	got := translate(t, e, [][]byte{platform}, []string{mergedCluster}, hostOf(t, "evil", evil), hostOf(t, "b", routeOf(t, e, "b", action)))
	require.Equal(t, "spiffe://example.org/cart", got.reaches(t, 1))

	wrong := backendPolicy("infra", "wrong", "Gateway", "eg", "2020", `"peers":[]`)
	got = translate(t, e, [][]byte{wrong}, []string{mergedCluster},
		hostOf(t, "a", routeOf(t, e, "a", action, backendPolicy("a", "p", "HTTPRoute", "r", "2026", `"peers":[{"exact":"spiffe://example.org/cart"}]`))), hostOf(t, "b", routeOf(t, e, "b", action)))
	require.Equal(t, "spiffe://example.org/cart", got.reaches(t, 0), "a policy of its own")
	require.Equal(t, "rejected", got.reaches(t, 1), "the Gateway's, which is wrong")
}

// TestRouteIsHeld: the route of a policy leads nowhere unless the translation has applied the
// policy, with the route and its entry.
func TestRouteIsHeld(t *testing.T) {
	e := builtin(t)
	const action, cluster = "{cluster: httproute/a/r/rule/0}", "{name: httproute/a/r/rule/0, type: EDS, edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: a, name: r}]}}}}"
	held := routeOf(t, e, "a", action, backendPolicy("a", "p", "HTTPRoute", "r", "2026", `"peers":[{"exact":"spiffe://example.org/cart"}]`))
	require.Equal(t, "egraft/held/BackendMTLSPolicy.egraft.io/httproute/a/r/rule/0", held.GetRoute().GetCluster())
	require.Equal(t, []string{"httproute/a/r/rule/0"}, xds.ClustersOf(held.GetRoute()))

	got := translate(t, e, nil, []string{cluster}, hostOf(t, "a", proto.CloneOf(held)))
	require.Equal(t, "spiffe://example.org/cart", got.reaches(t, 0))
	require.Empty(t, got.res.Warnings)

	lost := proto.CloneOf(held)
	lost.Metadata = xds.ClearMetadataEntries(lost.GetMetadata())
	got = translate(t, e, nil, []string{cluster}, hostOf(t, "a", lost))
	require.Equal(t, "rejected", got.reaches(t, 0))
	require.Len(t, got.res.Warnings, 1)
	require.EqualError(t, got.res.Warnings[0], `requests to cluster "httproute/a/r/rule/0" are rejected: a patch or another extension server removed the metadata that the Route hook added to their route`)

	garbled := proto.CloneOf(held)
	garbled.Metadata = xds.SetMetadataEntry(garbled.GetMetadata(), xds.MetadataEntry{Key: "BackendMTLSPolicy.egraft.io", Value: `[{"specificity":3,"policy":{}}]`})
	got = translate(t, e, nil, []string{cluster}, hostOf(t, "a", garbled))
	require.EqualValues(t, 500, got.routes[0].GetDirectResponse().GetStatus(), "a mark of another version")
}

// TestRoutesNotIncluded: without routes, the owner of a cluster is unknown.
func TestRoutesNotIncluded(t *testing.T) {
	platform := backendPolicy("infra", "p", "Gateway", "eg", "2020", `"peers":[{"exact":"spiffe://example.org/cart"}]`)
	for kind, rejected := range map[string]bool{"HTTPRoute": true, "GRPCRoute": true, "Service": true, "Backend": true, "ServiceImport": true, "TCPRoute": false, "SecurityPolicy": false} {
		got := translate(t, builtin(t), [][]byte{platform}, []string{fmt.Sprintf(`
name: c
type: EDS
edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: %s, namespace: a, name: x}]}}}
`, kind)})
		require.Equal(t, rejected, got.clusters["c"].GetType() == clusterv3.Cluster_STATIC, kind)
		require.Equal(t, []string{"infra/p ApplyFailed"}, got.reasons(), kind)
	}
}

// TestSelectorsAndMergedGateways: Envoy Gateway also names a Gateway in a policy's status because a
// selected route is attached to it.
func TestSelectorsAndMergedGateways(t *testing.T) {
	const route = `{"kind":"HTTPRoute","matchLabels":{"mine":"yes"}}`
	for name, c := range map[string]struct {
		selector string
		want     effect
		reason   mutator.Reason
	}{
		"of its own namespace": {`{"kind":"Gateway","matchLabels":{"mine":"yes"}}`, effect{0, 0, 1}, mutator.Programmed},
		"of all namespaces":    {`{"kind":"Gateway","matchLabels":{"mine":"yes"},"namespaces":{"from":"All"}}`, effect{}, mutator.Invalid},
	} {
		for _, kind := range []string{"BackendMTLSPolicy", "BufferPolicy"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				a := attachment{namespace: "other", selectors: []string{c.selector, route}, ancestors: []string{ancestor("shop", "eg", ""), ancestor("other", "eg", "")}}
				call := theFleet(t, func(_ place, route []byte) []byte { return route })
				call.Objects = [][]byte{a.object(kind, 1)}
				res, err := builtin(t).Run(t.Context(), call)
				require.NoError(t, err)
				require.Equal(t, c.want, effectIn(t, res, marksOf[kind], 1))
				require.Equal(t, c.reason, res.Policies[0].Reason)
				for i, p := range places() {
					if p.namespace == "shop" {
						require.Equal(t, call.Resources[0].Encoded[i], res.Resources[0].Encoded[i], "the foreign Gateway is as it was")
						require.Equal(t, call.Resources[3].Encoded[i], res.Resources[3].Encoded[i])
					}
				}
			})
		}
	}
}

// TestListenerSets: the listener of a ListenerSet has the metadata of the Gateway and a name that
// its owner chose. It belongs to the Gateway, but is not one of the Gateway's own listeners.
func TestListenerSets(t *testing.T) {
	const strict, public = `"allowAnyInTrustDomain":true`, `"clientCertificates":"Disabled"`
	policyOf := func(name, section, rest string) []byte {
		return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"FrontendMTLSPolicy","metadata":{"namespace":"infra","name":%q},"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"%s}],"trustDomain":"example.org","workloadIdentifier":"/envoy",%s}}`, name, section, rest)
	}
	chain := func(name string) string {
		return fmt.Sprintf(`
- name: %[1]s
  transportSocket:
    name: envoy.transport_sockets.tls
    typedConfig: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, commonTlsContext: {alpnProtocols: [h2]}}
  filters:
  - name: envoy.filters.network.http_connection_manager
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      statPrefix: http
      rds: {routeConfigName: %[1]s, configSource: {ads: {}, resourceApiVersion: V3}}
      httpFilters: [{name: envoy.filters.http.router, typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]`, name)
	}
	rc := func(name, host, section string) []byte {
		return fromYAML(t, &routev3.RouteConfiguration{}, fmt.Sprintf(`
name: %s
virtualHosts: [{name: '%s', domains: ["*"], metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, namespace: infra, name: eg, sectionName: %s}]}}}, routes: [{match: {prefix: /}, route: {cluster: c}}]}]
`, name, host, section))
	}
	for _, scheme := range []struct{ name, prefix string }{{"V1", "%s/"}, {"V2", ""}} {
		for _, section := range []string{"anything", "public"} {
			t.Run(scheme.name+"/"+section, func(t *testing.T) {
				tenant := "infra/eg/tenant/ls/" + section
				host := func(listener string) string {
					return strings.ReplaceAll(scheme.prefix, "%s", listener) + "h_example_com"
				}
				res, err := builtin(t).Run(t.Context(), &engine.Call{
					Hook: mutator.HookTranslation, Objects: [][]byte{policyOf("all", "", strict), policyOf("public", `,"sectionName":"public"`, public)},
					Resources: []engine.Resources{
						{Kind: mutator.KindCluster},
						{Kind: mutator.KindSecret},
						{Kind: mutator.KindListener, Encoded: [][]byte{fromYAML(t, &listenerv3.Listener{}, "name: l\nfilterChains:"+chain("infra/eg/public")+chain(tenant))}},
						{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{rc("infra/eg/public", host("infra/eg/public"), "public"), rc(tenant, host(tenant), section)}},
					},
				})
				require.NoError(t, err)
				l := &listenerv3.Listener{}
				require.NoError(t, proto.Unmarshal(res.Resources[2].Encoded[0], l))
				for i, want := range []bool{false, true} {
					text, err := protojson.Marshal(l.GetFilterChains()[i].GetTransportSocket())
					require.NoError(t, err)
					require.Equal(t, want, strings.Contains(strings.ReplaceAll(string(text), " ", ""), `"requireClientCertificate":true`), "chain %d", i)
				}
			})
		}
	}
}
