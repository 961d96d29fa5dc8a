package xdspatchpolicy

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// TestEgraftsInOtherFieldsOfAOneof: a write to a field of a oneof clears the other fields,
// including what egraft made in them.
func TestEgraftsInOtherFieldsOfAOneof(t *testing.T) {
	before := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{
		WeightedClusters: &routev3.WeightedCluster{Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "egraft.made"}}},
	}}}}
	after := &routev3.Route{Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}
	written := func(text string) []xdspatch.Path {
		p, err := xdspatch.ParsePath(v1alpha1.XDSSelect{Kind: v1alpha1.XDSRoute}, text)
		require.NoError(t, err)
		return []xdspatch.Path{p}
	}
	require.EqualError(t, keepsEgrafts(before, after, written("direct_response")), "egraft.made cannot be patched, because egraft created it")
	require.NoError(t, keepsEgrafts(before, before, written("direct_response")))
	require.NoError(t, keepsEgrafts(before, after, written("metadata")), "what was not written is not looked at")
}
