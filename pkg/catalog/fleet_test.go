package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"

	// Messages inside an Any of the fleet.

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// place is a listener of a Gateway, with one route.
type place struct{ namespace, gateway, section string }

func (p place) name() string { return p.namespace + "/" + p.gateway + "/" + p.section }

func (p place) route() string { return "route-" + p.section }

func places() []place {
	return []place{{"shop", "eg", "http"}, {"shop", "eg", "https"}, {"other", "eg", "http"}}
}

// theFleet returns a translation of merged Gateways in Envoy Gateway's form: for each place a
// listener, a route configuration with a route, and a cluster. It calls hook on each route first.
func theFleet(t *testing.T, hook func(p place, route []byte) []byte) *engine.Call {
	t.Helper()
	lists := []engine.Resources{{Kind: mutator.KindCluster}, {Kind: mutator.KindSecret}, {Kind: mutator.KindListener}, {Kind: mutator.KindRouteConfiguration}}
	for _, p := range places() {
		lists[0].Encoded = append(lists[0].Encoded, fromYAML(t, &clusterv3.Cluster{}, fmt.Sprintf(`
name: %[1]s
type: EDS
edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}, serviceName: %[1]s}
`, p.name())))
		lists[2].Encoded = append(lists[2].Encoded, fromYAML(t, &listenerv3.Listener{}, fmt.Sprintf(`
name: %[1]s
filterChains:
- name: %[1]s
  transportSocket:
    name: envoy.transport_sockets.tls
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
      commonTlsContext: {alpnProtocols: [h2, http/1.1]}
  filters:
  - name: envoy.filters.network.http_connection_manager
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      statPrefix: http
      rds: {routeConfigName: %[1]s, configSource: {ads: {}, resourceApiVersion: V3}}
      httpFilters:
      - name: envoy.filters.http.router
        typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
`, p.name())))
		route := fromYAML(t, &routev3.Route{}, fmt.Sprintf(`
name: httproute/%[1]s/%[2]s/rule/0/match/0
match: {prefix: /}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: %[1]s, name: %[2]s, sectionName: rule}]}}}
route: {cluster: %[3]s}
`, p.namespace, p.route(), p.name()))
		lists[3].Encoded = append(lists[3].Encoded, routeConfigurationOf(t, p, hook(p, route)))
	}
	return &engine.Call{Hook: mutator.HookTranslation, Resources: lists}
}

func routeConfigurationOf(t *testing.T, p place, route []byte) []byte {
	t.Helper()
	rc, r := &routev3.RouteConfiguration{}, &routev3.Route{}
	require.NoError(t, proto.Unmarshal(route, r))
	require.NoError(t, proto.Unmarshal(fromYAML(t, rc, fmt.Sprintf(`
name: %[1]s
virtualHosts:
- name: %[1]s/host
  domains: ["*"]
  metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, namespace: %[2]s, name: %[3]s, sectionName: %[4]s}]}}}
`, p.name(), p.namespace, p.gateway, p.section)), rc))
	rc.VirtualHosts[0].Routes = []*routev3.Route{r}
	return deterministic(t, rc)
}

func fromYAML(t *testing.T, m proto.Message, text string) []byte {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	require.NoError(t, protojson.Unmarshal(asJSON, m))
	return deterministic(t, m)
}

// effectIn returns the number of the policy, from 1, that is in effect at each place. The mark is a
// pattern with the policy's number.
func effectIn(t *testing.T, res *engine.Response, mark string, policies int) effect {
	t.Helper()
	var found [3]int
	for i, p := range places() {
		text := textOf(t, res, p)
		for n := policies; n > 0; n-- {
			if !strings.Contains(text, fmt.Sprintf(mark, n)) {
				continue
			}
			require.Zero(t, found[i], "several policies at %s", p.name())
			found[i] = n
		}
	}
	return effect{found[0], found[1], found[2]}
}

// textOf returns all resources of a place as text.
func textOf(t *testing.T, res *engine.Response, p place) string {
	t.Helper()
	var all []string
	clusters := map[string]string{}
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			m := map[mutator.Kind]resource{
				mutator.KindCluster: &clusterv3.Cluster{}, mutator.KindListener: &listenerv3.Listener{}, mutator.KindRouteConfiguration: &routev3.RouteConfiguration{},
			}[list.Kind]
			require.NotNil(t, m, list.Kind)
			require.NoError(t, proto.Unmarshal(raw, m))
			if name := m.GetName(); name == p.name() || strings.HasPrefix(name, "egraft/backend-mtls/") && strings.HasSuffix(name, "/"+p.name()) {
				text, err := protojson.Marshal(m)
				require.NoError(t, err)
				line := strings.ReplaceAll(string(text), `": `, `":`)
				if list.Kind == mutator.KindCluster {
					clusters[name] = line
				} else {
					if rc, ok := m.(*routev3.RouteConfiguration); ok {
						line += enabledIn(rc)
					}
					all = append(all, line)
				}
			}
		}
	}
	if len(clusters) == 2 { // the unmodified cluster stays next to the renamed one
		delete(clusters, p.name())
	}
	all = slices.AppendSeq(all, maps.Values(clusters))
	require.Len(t, all, 3, p.name())
	return strings.Join(all, "\n")
}

// enabledIn returns the filters of FilterPolicies that the first route or its virtual host enables.
func enabledIn(rc *routev3.RouteConfiguration) (text string) {
	vh := rc.GetVirtualHosts()[0]
	settings := maps.Clone(vh.GetTypedPerFilterConfig())
	if settings == nil {
		settings = map[string]*anypb.Any{}
	}
	maps.Copy(settings, vh.GetRoutes()[0].GetTypedPerFilterConfig())
	for name, setting := range settings {
		f := &routev3.FilterConfig{}
		if strings.HasPrefix(name, "egraft.io/filter-policy/") && (setting.UnmarshalTo(f) != nil || !f.GetDisabled()) {
			text += "enabled:" + name[strings.LastIndex(name, "/")+1:] + "."
		}
	}
	return text
}
