package xds

import (
	"fmt"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
)

// TestGroups: clusters share a group only if the same ways lead to them, and Envoy Gateway
// generated all of them for rules or all of them for backends.
func TestGroups(t *testing.T) {
	leads := map[string][]int{"all": nil, "1 23": {1, 23}, "1 2 3": {1, 2, 3}, "again": {1, 23}, "backend/a/b/80": {1, 23}, CopyName("f", "p", "x"): {1}}
	c := Configuration{Name: "c"}
	for i := range 24 {
		s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "name": "g", "sectionName": fmt.Sprint(i)}}})
		require.NoError(t, err)
		vh := &routev3.VirtualHost{Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{GatewayMetadataNamespace: s}}}
		for _, name := range []string{"all", "1 23", "1 2 3", "again", "backend/a/b/80", CopyName("f", "p", "x")} {
			for _, w := range append(leads[name], map[bool][]int{true: {i}}[name == "all"]...) {
				if w == i {
					vh.Routes = append(vh.Routes, &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: name}}}})
				}
			}
		}
		c.Hosts = append(c.Hosts, NewVirtualHostIndex(vh))
	}
	x := NewRouteIndex([]Configuration{c})
	var got []string
	for _, g := range x.Groups() {
		got = append(got, fmt.Sprint(g.Clusters, len(g.Ways), g.Merged, " ", x.Clusters()[g.Last]))
	}
	require.Equal(t, []string{"[all] 24 false all", "[1 23 again] 2 false again", "[1 2 3] 3 false 1 2 3", "[backend/a/b/80] 2 true backend/a/b/80"}, got)
}

func TestCopyName(t *testing.T) {
	require.True(t, IsCopy(CopyName("f", "p", "x")))
	require.False(t, IsCopy("httproute/egraft/x/rule/0"))
	require.Equal(t, "egraft/f/148de9c5a7a44d19/x", CopyName("f", "p", "x"))
	require.NotEqual(t, CopyName("f", "p", "x"), CopyName("f", "q", "x"))
}
