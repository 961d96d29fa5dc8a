package extension_test

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// clusters returns one cluster of every discovery type.
func clusters() []*clusterv3.Cluster {
	var out []*clusterv3.Cluster
	for n := range int32(len(clusterv3.Cluster_DiscoveryType_name)) {
		typ := clusterv3.Cluster_DiscoveryType(n)
		out = append(out, &clusterv3.Cluster{Name: typ.String(), ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: typ}})
	}
	custom := &clusterv3.Cluster_CustomClusterType{Name: "envoy.cluster.dns", TypedConfig: &anypb.Any{TypeUrl: "type.googleapis.com/unknown.Type", Value: []byte{1}}}
	return append(out, &clusterv3.Cluster{Name: "custom", ClusterDiscoveryType: &clusterv3.Cluster_ClusterType{ClusterType: custom}})
}

// routes returns one route with every action.
func routes() *routev3.RouteConfiguration {
	vh := &routev3.VirtualHost{Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{
		{Name: "route", Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "STATIC"}}}},
		{Name: "redirect", Action: &routev3.Route_Redirect{Redirect: &routev3.RedirectAction{HostRedirect: "x"}}},
		{Name: "direct", Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}},
		{Name: "filter", Action: &routev3.Route_FilterAction{FilterAction: &routev3.FilterAction{}}},
		{Name: "non-forwarding", Action: &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}}},
		{Name: "none"},
	}}
	return &routev3.RouteConfiguration{Name: "rc", VirtualHosts: []*routev3.VirtualHost{vh}}
}
