package xdspatchpolicy_test

import (
	"bytes"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// TestFailsAlone: if one of two policies of a Gateway produces what Envoy rejects, it is left out
// and the other one takes effect on the same message.
func TestFailsAlone(t *testing.T) {
	for name, c := range map[string]struct{ patch, message string }{
		"a route to no cluster": {
			`{"select":{"kind":"Route"},"when":"self.name.contains('/r1/')","set":{"path":"route.cluster","expression":"'none'"}}`,
			`spec.patches[0]: route.cluster: refers to the cluster "none", which is not in the translation; its targets are served without it`,
		},
		"weights for no cluster": {
			`{"select":{"kind":"Route"},"set":{"path":"route.weighted_clusters","expression":"envoy.config.route.v3.WeightedCluster{clusters: [envoy.config.route.v3.WeightedCluster.ClusterWeight{name: 'none', weight: google.protobuf.UInt32Value{value: 1u}}]}"}}`,
			`spec.patches[0]: route.weighted_clusters: refers to the cluster "none", which is not in the translation; its targets are served without it`,
		},
		"mirrored requests for no cluster": {
			`{"select":{"kind":"VirtualHost"},"list":{"path":"request_mirror_policies","append":[{"cluster":"none"}]}}`,
			`spec.patches[0]: request_mirror_policies: refers to the cluster "none", which is not in the translation; its targets are served without it`,
		},
		"no route configuration": {
			`{"select":{"kind":"HTTPConnectionManager"},"set":{"path":"rds.route_config_name","expression":"'none'"}}`,
			`spec.patches[0]: rds.route_config_name: refers to the route configuration "none", which is not in the translation; its targets are served without it`,
		},
		"a domain twice": {
			`{"select":{"kind":"VirtualHost"},"list":{"path":"domains","append":["a.example.com","A.example.com"]}}`,
			`XDSPatchPolicy default/bad: the result is invalid: the domain "A.example.com" is there twice; nothing was changed (RouteConfiguration "default/eg/http")`,
		},
		"a domain of another host": {
			`{"select":{"kind":"RouteConfiguration"},"list":{"path":"virtual_hosts","append":[{"name":"x","domains":["*"]}]}}`,
			`XDSPatchPolicy default/bad: the result is invalid: the domain "*" is there twice; nothing was changed (RouteConfiguration "default/eg/http")`,
		},
		"two hosts of one name": {
			`{"select":{"kind":"RouteConfiguration"},"list":{"path":"virtual_hosts","append":[{"name":"default/eg/http/all","domains":["x"]}]}}`,
			`XDSPatchPolicy default/bad: the result is invalid: two virtual hosts have the name "default/eg/http/all"; nothing was changed (RouteConfiguration "default/eg/http")`,
		},
		"two filters of one name": {
			`{"select":{"kind":"HTTPConnectionManager"},"list":{"path":"http_filters","replace":[{"name":"a","disabled":true},{"name":"a"},{"name":"envoy.filters.http.router"}]}}`,
			`XDSPatchPolicy default/bad: the result is invalid: two HTTP filters have the name "a"; nothing was changed (Listener "default/eg/http")`,
		},
		"two filter chains of one name": {
			`{"select":{"kind":"Listener"},"set":{"path":"default_filter_chain.name","expression":"'first'"}}`,
			`XDSPatchPolicy default/bad: the result is invalid: two filter chains have the name "first"; nothing was changed (Listener "default/eg/http")`,
		},
		"a filter chain with the name of another": {
			`{"select":{"kind":"FilterChain"},"when":"self.name == 'default'","set":{"path":"name","expression":"'first'"}}`,
			`XDSPatchPolicy default/bad: the result is invalid: two filter chains have the name "first"; nothing was changed (Listener "default/eg/http")`,
		},
		"filter chains of the same connections": {
			`{"select":{"kind":"Listener"},"list":{"path":"filter_chains","append":[{"name":"again","filter_chain_match":{"server_names":["b.example.com","A.example.com"]}}]}}`,
			`XDSPatchPolicy default/bad: the result is invalid: the filter chains "first" and "again" match the same connections; nothing was changed (Listener "default/eg/http")`,
		},
		"a filter without this configuration for routes": {
			`{"select":{"kind":"Route"},"merge":{"typed_per_filter_config":{"envoy.filters.http.buffer":{"@type":"type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer","max_request_bytes":1}}}}`,
			`XDSPatchPolicy default/bad: typed_per_filter_config["envoy.filters.http.buffer"]: "envoy.extensions.filters.http.buffer.v3.Buffer" is not a route configuration of an HTTP filter; nothing was changed (RouteConfiguration "default/eg/http")`,
		},
		"the same inside of a FilterConfig, of a host": {
			`{"select":{"kind":"VirtualHost"},"merge":{"typed_per_filter_config":{"x":{"@type":"type.googleapis.com/envoy.config.route.v3.FilterConfig","config":{"@type":"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}}}}`,
			`XDSPatchPolicy default/bad: typed_per_filter_config["x"]: "envoy.extensions.filters.http.router.v3.Router" is not a route configuration of an HTTP filter; nothing was changed (RouteConfiguration "default/eg/http")`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 2)
			w.ofGateway = [][]byte{
				policy("eg", "bad", c.patch), // the older one, whose patches come first
				policy("eg", "good", `{"select":{"kind":"Route"},"merge":{"route":{"timeout":"7s"},"typed_per_filter_config":{"envoy.filters.http.buffer":{"@type":"type.googleapis.com/envoy.extensions.filters.http.buffer.v3.BufferPerRoute","disabled":true}}}},`+
					`{"select":{"kind":"HTTPConnectionManager"},"merge":{"max_request_headers_kb":96}}`),
			}
			for range 2 { // the second one from the cache
				res := w.translate(t)
				require.Equal(t, c.message, messageOf(res, "bad"))
				require.Equal(t, map[string]mutator.Reason{"bad": mutator.ApplyFailed, "good": mutator.Programmed}, outcomes(res), messageOf(res, "good"))
				for i, r := range host(t, res).GetRoutes() {
					require.EqualValues(t, 7, r.GetRoute().GetTimeout().GetSeconds())
					require.Equal(t, clusterOf(i), r.GetRoute().GetCluster())
				}
				hcm := &hcmv3.HttpConnectionManager{}
				fc := decoded(t, res.Resources[2].Encoded[0], &listenerv3.Listener{}).GetDefaultFilterChain()
				require.NoError(t, fc.GetFilters()[0].GetTypedConfig().UnmarshalTo(hcm))
				require.EqualValues(t, 96, hcm.GetMaxRequestHeadersKb().GetValue())
				require.Equal(t, "default/eg/http", hcm.GetRds().GetRouteConfigName())
				require.Len(t, hcm.GetHttpFilters(), 1)
			}
		})
	}
}

// TestFailsAloneOnItsRoute: a policy that breaks its route's cluster denies that route, and no
// other, if its failure policy is Deny.
func TestFailsAloneOnItsRoute(t *testing.T) {
	const lost = `{"select":{"kind":"Route"},"set":{"path":"route.cluster","expression":"'none'"}}`
	for denies, cluster := range map[bool]string{true: "", false: clusterOf(1)} {
		w := newWorld(t, 3)
		w.ofGateway = [][]byte{policy("eg", "good", `{"select":{"kind":"Cluster"},"merge":{"connect_timeout":"7s"}}`)}
		bad := policy("r1", "bad", lost)
		if denies {
			bad = bytes.Replace(bad, []byte(`"spec":{`), []byte(`"spec":{"failurePolicy":"Deny",`), 1)
		}
		w.ofRoutes[1] = [][]byte{bad}
		w.ofRoutes[2] = [][]byte{policy("r2", "own", `{"select":{"kind":"Route"},"merge":{"route":{"timeout":"5s"}}}`)}
		res := w.translate(t)
		require.Equal(t, map[string]mutator.Reason{"bad": mutator.ApplyFailed, "good": mutator.Programmed, "own": mutator.Programmed}, outcomes(res))
		require.Contains(t, messageOf(res, "bad"), `route.cluster: refers to the cluster "none", which is not in the translation`)
		routes := host(t, res).GetRoutes()
		require.Equal(t, clusterOf(0), routes[0].GetRoute().GetCluster())
		require.Equal(t, cluster, routes[1].GetRoute().GetCluster())
		require.EqualValues(t, 5, routes[2].GetRoute().GetTimeout().GetSeconds())
		require.EqualValues(t, 7, clusterIn(t, res, 0).GetConnectTimeout().GetSeconds())
	}
}
