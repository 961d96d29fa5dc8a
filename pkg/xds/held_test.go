package xds_test

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/xds"
)

// everyWay leads to a cluster in each possible way, and has an empty cluster name.
func everyWay() *routev3.Route {
	return &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
			Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "a"}, {Name: "b"}, {}},
		}},
		RequestMirrorPolicies: []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "c"}},
	}}}
}

// TestHeldRoute: only readable entries release the route, each only for its own key.
func TestHeldRoute(t *testing.T) {
	one, two := xds.MetadataEntry{Key: "one", Value: "good"}, xds.MetadataEntry{Key: "two", Value: "good"}
	bad := xds.MetadataEntry{Key: "one", Value: "bad"}
	held := func(keys ...string) *routev3.Route {
		r := everyWay()
		for _, key := range keys {
			xds.HoldRoute(r, key)
		}
		return r
	}
	for name, c := range map[string]struct {
		keys  []string
		marks []xds.MetadataEntry
		want  *routev3.Route
	}{
		"one":                    {[]string{"one"}, []xds.MetadataEntry{one}, everyWay()},
		"once":                   {[]string{"one", "one"}, []xds.MetadataEntry{one}, everyWay()},
		"both":                   {[]string{"one", "two"}, []xds.MetadataEntry{one, two}, everyWay()},
		"one of two":             {[]string{"one", "two"}, []xds.MetadataEntry{one}, held("two")},
		"the other of two":       {[]string{"one", "two"}, []xds.MetadataEntry{two}, held("one")},
		"a third":                {[]string{"one", "two", "three"}, []xds.MetadataEntry{one}, held("two", "three")},
		"another key":            {[]string{"one"}, []xds.MetadataEntry{two}, held("one")},
		"unreadable":             {[]string{"one"}, []xds.MetadataEntry{bad}, held("one")},
		"unreadable and another": {[]string{"one", "two"}, []xds.MetadataEntry{bad, two}, held("one")},
		"no marks":               {[]string{"one"}, nil, held("one")},
	} {
		t.Run(name, func(t *testing.T) {
			r := held(c.keys...)
			for _, m := range c.marks {
				r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
			}
			require.Equal(t, []string{"a", "b", "c"}, xds.ClustersOf(r.GetRoute()), "held or not")
			found := xds.ReleaseRoutes(&routev3.VirtualHost{Routes: []*routev3.Route{{}, r}}, func(m xds.MetadataEntry) bool { return m.Value == "good" })
			require.Equal(t, len(c.marks) > 0, found)
			require.True(t, proto.Equal(c.want, r), "%v", r)
		})
	}
	require.Empty(t, held("one").GetRoute().GetWeightedClusters().GetClusters()[2].GetName(), "which leads nowhere as it is")
}

// TestHeldUntilReleased: no cluster can have the names of a held route's clusters, and a name is
// held once for each key.
func TestHeldUntilReleased(t *testing.T) {
	r := toCluster("a")
	xds.HoldRoute(r, "one")
	require.Equal(t, "egraft/held/one/a", r.GetRoute().GetCluster())
	xds.HoldRoute(r, "two")
	xds.HoldRoute(r, "one")
	require.Equal(t, "egraft/held/two/egraft/held/one/a", r.GetRoute().GetCluster())
	xds.RenameClusters(r.GetRoute(), func(name string) string { return "new " + name })
	require.Equal(t, "egraft/held/two/egraft/held/one/new a", r.GetRoute().GetCluster())
}

// TestStranded: the clusters of held routes that lost their entries.
func TestStranded(t *testing.T) {
	held := func(cluster string) *routev3.Route {
		r := toCluster(cluster)
		xds.HoldRoute(r, "k")
		return r
	}
	marked := held("marked")
	marked.Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "k"})
	mirrored := toCluster("open")
	xds.HoldRoute(mirrored, "k")
	mirrored.GetRoute().RequestMirrorPolicies = []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "mirror"}}
	free := toCluster("free")
	r := xds.NewRouteIndex([]xds.Configuration{{Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(&routev3.VirtualHost{Routes: []*routev3.Route{held("lost"), marked, free, mirrored}})}}})
	require.Equal(t, []string{"lost", "open", "mirror"}, r.Stranded())
}

// TestWays: ways with different listeners, or entries with a different key or value, stay separate.
func TestWays(t *testing.T) {
	host := func(sections []string, marks ...xds.MetadataEntry) *xds.VirtualHostIndex {
		var resources []any
		for _, s := range sections {
			resources = append(resources, map[string]any{"kind": "Gateway", "namespace": "default", "name": "eg", "sectionName": s})
		}
		r := toCluster("a")
		for _, m := range marks {
			r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
		}
		return xds.NewVirtualHostIndex(&routev3.VirtualHost{Routes: []*routev3.Route{r}, Metadata: gatewayMetadata(t, resources...)})
	}
	one, same := []string{"one"}, xds.MetadataEntry{Key: "ab", Value: "c"}
	hosts := []*xds.VirtualHostIndex{
		host(one), host([]string{"two"}), host([]string{"oneGateway default/eg#two"}), host([]string{"one", "two"}),
		host(one, same), host(one, xds.MetadataEntry{Key: "a", Value: "bc"}), host(one, xds.MetadataEntry{Key: "ab"}), host(one, xds.MetadataEntry{Key: "ab", Value: "c2d"}),
		host(one, same, xds.MetadataEntry{Key: "d"}), host(one, xds.MetadataEntry{Key: "ab", Value: "cd"}),
		host(nil, xds.MetadataEntry{Key: "Gateway default/eg#one"}),
	}
	r := xds.NewRouteIndex([]xds.Configuration{{Name: "c", Hosts: append(hosts, host(one), host(one, same))}})
	require.Len(t, r.ForCluster("a").Ways(), len(hosts), "each of them once")
	for i, h := range hosts {
		require.Same(t, r.ForCluster("a").Ways()[i], r.Way(h.Listeners(), h.MetadataEntries()[0]))
	}
}

// TestListenersOf: listeners of ListenerSets differ from listeners of the Gateway with the same
// names.
func TestListenersOf(t *testing.T) {
	for name, c := range map[string]struct{ configuration, host, section, want string }{
		"listener":                        {"infra/eg/http", "infra/eg/http/x_com", "http", ""},
		"of a set":                        {"", "infra/eg/app/set/http/x_com", "http", "app/set"},
		"of a set, by the configuration":  {"infra/eg/app/set/https", "x_com", "https", "app/set"},
		"of the Gateway, by the same":     {"infra/eg/https", "x_com", "https", ""},
		"the host tells more":             {"infra/eg/http", "infra/eg/app/set/http/x_com", "http", "app/set"},
		"a host that says nothing":        {"infra/eg/app/set/https", "other/x", "https", ""},
		"another Gateway":                 {"", "infra/other/app/set/http/x_com", "http", ""},
		"another section":                 {"", "infra/eg/app/set/http/x_com", "https", ""},
		"a set without a namespace":       {"", "infra/eg/set/http/x_com", "http", ""},
		"too many names":                  {"", "infra/eg/a/b/c/http/x_com", "http", ""},
		"a section that looks like a set": {"", "infra/eg/app/set/x_com", "set", ""},
		"no host name":                    {"", "infra/eg/app/set/http", "http", ""},
		"a configuration of others":       {"app/set/http", "x_com", "http", ""},
		"scheme of names 2":               {"http-80", "x_com", "http", ""},
		"nothing":                         {"", "", "http", ""},
	} {
		t.Run(name, func(t *testing.T) {
			vh := &routev3.VirtualHost{Name: c.host, Metadata: gatewayMetadata(t, map[string]any{"kind": "Gateway", "namespace": "infra", "name": "eg", "sectionName": c.section})}
			require.Equal(t, []xds.Reference{{Kind: "Gateway", Namespace: "infra", Name: "eg", SectionName: c.section, ListenerSet: c.want}}, xds.ListenersOf(c.configuration, vh))
		})
	}
}

// TestHostOfSeveralConfigurations: what the name of one configuration shows about the listeners
// does not apply to another configuration.
func TestHostOfSeveralConfigurations(t *testing.T) {
	h := xds.NewVirtualHostIndex(&routev3.VirtualHost{Name: "x_com", Metadata: gatewayMetadata(t,
		map[string]any{"kind": "Gateway", "namespace": "infra", "name": "eg", "sectionName": "https"},
		map[string]any{"kind": "Gateway", "namespace": "infra", "name": "eg", "sectionName": "http"})})
	r := xds.NewRouteIndex([]xds.Configuration{{Name: "infra/eg/https", Hosts: []*xds.VirtualHostIndex{h}}, {Name: "infra/eg/app/set/https", Hosts: []*xds.VirtualHostIndex{h}}})
	sets := func(listeners []xds.Reference) (out []string) {
		for _, l := range listeners {
			out = append(out, l.SectionName+" "+l.ListenerSet)
		}
		return out
	}
	require.Equal(t, []string{"https app/set", "http "}, sets(r.Configuration("infra/eg/app/set/https").Listeners()))
	require.Equal(t, []string{"https ", "http "}, sets(r.Configuration("infra/eg/https").Listeners()))
	require.Equal(t, []string{"https ", "http "}, sets(h.Listeners()))
	require.Len(t, r.Gateways(), 1)
}

// TestClearMarks: metadata of others stays.
func TestClearMarks(t *testing.T) {
	md := xds.SetMetadataEntry(&corev3.Metadata{TypedFilterMetadata: map[string]*anypb.Any{"x": {}}}, xds.MetadataEntry{Key: "a"})
	require.Len(t, xds.ClearMetadataEntries(md).GetTypedFilterMetadata(), 1)
}

// TestDenyEndpoints: no endpoints are left, including named endpoints that others refer to.
func TestDenyEndpoints(t *testing.T) {
	e := &endpointv3.ClusterLoadAssignment{
		ClusterName: "c", Endpoints: []*endpointv3.LocalityLbEndpoints{{}}, NamedEndpoints: map[string]*endpointv3.Endpoint{"x": {}},
	}
	require.NoError(t, xds.DenyEndpoints(e))
	require.True(t, proto.Equal(&endpointv3.ClusterLoadAssignment{ClusterName: "c"}, e))
}
