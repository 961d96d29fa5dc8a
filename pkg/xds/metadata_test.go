package xds_test

import (
	"strconv"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/pkg/xds"
)

func gatewayMetadata(t *testing.T, resources ...any) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": resources})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}

func TestReferences(t *testing.T) {
	md := gatewayMetadata(t,
		map[string]any{"kind": "Gateway", "namespace": "default", "name": "eg", "sectionName": "http"},
		"not an object", 5.0,
		map[string]any{"kind": "HTTPRoute", "name": 7.0},
		map[string]any{"kind": "", "namespace": "default", "name": "eg"}, // as Envoy Gateway writes it
	)
	refs := xds.References(md)
	require.Equal(t, []xds.Reference{
		{Kind: "Gateway", Namespace: "default", Name: "eg", SectionName: "http"},
		{Kind: "HTTPRoute"},
		{Kind: "Gateway", Namespace: "default", Name: "eg"},
	}, refs)
	require.Equal(t, "Gateway default/eg#http", refs[0].String())
	require.Empty(t, xds.References(nil))
}

func TestMarks(t *testing.T) {
	md := xds.SetMetadataEntry(gatewayMetadata(t), xds.MetadataEntry{Key: "b", Value: "1"})
	md = xds.SetMetadataEntry(md, xds.MetadataEntry{Key: "a", Value: "2"})
	md = xds.SetMetadataEntry(md, xds.MetadataEntry{Key: "b", Value: "3"})
	require.Equal(t, []xds.MetadataEntry{{Key: "a", Value: "2"}, {Key: "b", Value: "3"}}, xds.MetadataEntries(md))
	require.True(t, proto.Equal(gatewayMetadata(t), xds.ClearMetadataEntries(md)))
	require.Nil(t, xds.ClearMetadataEntries(xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "a"})), "metadata that was made for a mark goes with it")
}

func TestReach(t *testing.T) {
	route := func(cluster, mark string) *routev3.Route {
		r := toCluster(cluster)
		if mark != "" {
			r.Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "k", Value: mark})
		}
		return r
	}
	host := func(section string, routes ...*routev3.Route) *xds.VirtualHostIndex {
		return xds.NewVirtualHostIndex(&routev3.VirtualHost{Routes: routes, Metadata: gatewayMetadata(t,
			map[string]any{"kind": "Gateway", "namespace": "default", "name": "eg", "sectionName": section})})
	}
	redirect := &routev3.Route{Action: &routev3.Route_Redirect{}, Metadata: xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "k", Value: "nowhere"})}
	r := xds.NewRouteIndex([]xds.Configuration{
		{Name: "1", Hosts: []*xds.VirtualHostIndex{host("one", route("a", ""), route("a", "m"), redirect)}},
		{Name: "2", Hosts: []*xds.VirtualHostIndex{host("two", route("a", "m"), route("b", ""))}},
	})
	one := xds.Reference{Kind: "Gateway", Namespace: "default", Name: "eg", SectionName: "one"}
	two := one
	two.SectionName = "two"
	require.Equal(t, []string{"a", "b"}, r.Clusters())
	require.Equal(t, []xds.Reference{one, two}, r.ForCluster("a").Listeners())
	require.Equal(t, []xds.MetadataEntry{{Key: "k", Value: "m"}}, r.ForCluster("a").MetadataEntries())
	require.Equal(t, []xds.Reference{two}, r.ForCluster("b").Listeners())
	require.Empty(t, r.ForCluster("b").MetadataEntries())
	require.Nil(t, r.ForCluster("c"))
	require.Equal(t, []xds.Reference{one}, r.Configuration("1").Listeners())
	require.Equal(t, []xds.MetadataEntry{{Key: "k", Value: "m"}, {Key: "k", Value: "nowhere"}}, r.Configuration("1").MetadataEntries())
	require.Equal(t, []xds.Reference{two}, r.Configuration("2").Listeners())
	require.Nil(t, r.Configuration("3"))
	require.Equal(t, []xds.Reference{{Kind: "Gateway", Namespace: "default", Name: "eg"}}, r.Gateways())
}

// TestReachOfManyRoutes: every route leads to the same cluster, each with an entry of its own and a
// shared one.
func TestReachOfManyRoutes(t *testing.T) {
	vh := &routev3.VirtualHost{}
	var want []xds.MetadataEntry
	for i := range 100 {
		own := xds.MetadataEntry{Key: "k", Value: strconv.Itoa(i)}
		r := toCluster("a")
		r.Metadata = xds.SetMetadataEntry(nil, own)
		vh.Routes, want = append(vh.Routes, r, r), append(want, own)
	}
	require.Equal(t, want, xds.NewRouteIndex([]xds.Configuration{{Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(vh)}}}).ForCluster("a").MetadataEntries())
}

// TestShadowEntry: the shadow route is no entry of a feature, and is removed with the entries.
func TestShadowEntry(t *testing.T) {
	md := xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: xds.ShadowKey, Value: "route"})
	require.Equal(t, "route", xds.ShadowEntry(md))
	require.Empty(t, xds.MetadataEntries(md))
	require.Empty(t, xds.ShadowEntry(nil))
	vh := &routev3.VirtualHost{Routes: []*routev3.Route{{Metadata: md}}}
	require.True(t, xds.ReleaseRoutes(vh, func(xds.MetadataEntry) bool { return true }))
	require.Nil(t, vh.GetRoutes()[0].GetMetadata())
}
