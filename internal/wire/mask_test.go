package wire_test

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
)

// clusterPaths are the fields of a virtual host that name the clusters of its routes.
var clusterPaths = []string{"routes.route.cluster", "routes.route.weighted_clusters.clusters.name"}

// routesField is VirtualHost.routes.
const routesField = 3

// clustersOf returns the clusters at clusterPaths.
func clustersOf(vh *routev3.VirtualHost) [][]string {
	var all [][]string
	for _, r := range vh.GetRoutes() {
		names := []string{r.GetRoute().GetCluster()}
		for _, w := range r.GetRoute().GetWeightedClusters().GetClusters() {
			names = append(names, w.GetName())
		}
		all = append(all, names)
	}
	return all
}

func to(a *routev3.RouteAction) *routev3.Route {
	return &routev3.Route{Name: "r", Action: &routev3.Route_Route{Route: a}}
}

func cluster(name string) *routev3.Route {
	return to(&routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: name}})
}

func TestMask(t *testing.T) {
	weighted := to(&routev3.RouteAction{PrefixRewrite: "/", ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
		RuntimeKeyPrefix: "p", Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "b"}, {Name: "c"}},
	}}})
	full := &routev3.VirtualHost{Name: "h", Domains: []string{"*"}, Metadata: metadata("h"), Routes: []*routev3.Route{cluster("a"), weighted, {}}}
	want := &routev3.VirtualHost{Routes: []*routev3.Route{cluster("a"), to(&routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{
		WeightedClusters: &routev3.WeightedCluster{Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "b"}, {Name: "c"}}},
	}}), {}}}
	for _, r := range want.GetRoutes() {
		r.Name = ""
	}
	mask := wire.MaskOf(full, clusterPaths...)
	require.Equal(t, "before"+string(marshal(t, want)), string(mask.Append([]byte("before"), marshal(t, full))))
	require.Empty(t, wire.MaskOf(full).Append(nil, marshal(t, full)), "no paths")
	require.Equal(t, marshal(t, want), wire.MaskOf(full, append(clusterPaths, "routes.route.cluster")...).Append(nil, marshal(t, full)), "a path twice")
	require.PanicsWithValue(t, `envoy.config.cluster.v3.Cluster has no field "nome"`, func() { wire.MaskOf(&clusterv3.Cluster{}, "nome") })
}

// TestMaskKeepsWhatCounts has duplicate fields: the last field of a oneof counts, and messages are
// merged.
func TestMaskKeepsWhatCounts(t *testing.T) {
	mask := wire.MaskOf(&routev3.VirtualHost{}, clusterPaths...)
	header := to(&routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_ClusterHeader{ClusterHeader: "x"}})
	respond := &routev3.Route{Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}
	join := func(routes ...*routev3.Route) []byte {
		var b []byte
		for _, r := range routes {
			b = append(b, marshal(t, r)...)
		}
		return b
	}
	for name, c := range map[string]struct {
		route []byte
		want  string
	}{
		"a cluster and a header":   {join(cluster("a"), header), ""},
		"a header and a cluster":   {join(header, cluster("a")), "a"},
		"a cluster and a response": {join(cluster("a"), respond), ""},
		"two clusters":             {join(cluster("a"), cluster("b")), "b"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := []byte(field(routesField, string(c.route)))
			for _, b := range [][]byte{raw, mask.Append(nil, raw)} {
				vh := &routev3.VirtualHost{}
				require.NoError(t, proto.Unmarshal(b, vh))
				require.Equal(t, [][]string{{c.want}}, clustersOf(vh))
			}
		})
	}
}

// FuzzMask reduces arbitrary bytes. If they are a virtual host, the result has the same clusters.
func FuzzMask(f *testing.F) {
	seeds(f)
	mask := wire.MaskOf(&routev3.VirtualHost{}, clusterPaths...)
	f.Fuzz(func(t *testing.T, _ uint8, raw []byte) {
		kept := mask.Append(nil, raw)
		require.Equal(t, kept, mask.Append(nil, kept), "what is kept is kept")
		before, now := &routev3.VirtualHost{}, &routev3.VirtualHost{}
		if proto.Unmarshal(raw, before) == nil {
			require.NoError(t, proto.Unmarshal(kept, now))
			require.Equal(t, clustersOf(before), clustersOf(now))
		}
	})
}
