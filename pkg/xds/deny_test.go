package xds_test

import (
	"testing"

	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/xds"
)

func toCluster(name string) *routev3.Route {
	return &routev3.Route{
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier:      &routev3.RouteAction_Cluster{Cluster: name},
			RequestMirrorPolicies: []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: name}},
		}},
	}
}

func TestDenyRoutes(t *testing.T) {
	vh := &routev3.VirtualHost{
		Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{toCluster("a"), toCluster("b")},
		RequestMirrorPolicies: []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "a"}},
	}
	inTree := &routev3.VirtualHost{Name: "t", Domains: []string{"t"}, Matcher: &matcherv3.Matcher{}}
	rc := &routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{vh, inTree}, Vhds: &routev3.Vhds{}}
	require.NoError(t, xds.DenyRouteConfiguration(rc))
	require.NoError(t, rc.ValidateAll())
	require.Empty(t, xds.NewRouteIndex([]xds.Configuration{{Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(vh)}}}).Clusters(), "no route leads anywhere")
	require.Empty(t, vh.GetRequestMirrorPolicies())
	require.Nil(t, inTree.GetMatcher(), "routes that cannot be told")
	require.Nil(t, rc.GetVhds(), "virtual hosts that are still to come")
	for _, r := range vh.GetRoutes() {
		require.EqualValues(t, 500, r.GetDirectResponse().GetStatus())
	}
}

func TestDenyCluster(t *testing.T) {
	for name, c := range map[string]*clusterv3.Cluster{
		"EDS": {Name: "c", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}},
		"with endpoints": {Name: "c", LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: "c", Endpoints: []*endpointv3.LocalityLbEndpoints{{}},
		}},
		"dynamic forward proxy": {Name: "c", LbPolicy: clusterv3.Cluster_CLUSTER_PROVIDED, ClusterDiscoveryType: &clusterv3.Cluster_ClusterType{
			ClusterType: &clusterv3.Cluster_CustomClusterType{Name: "envoy.clusters.dynamic_forward_proxy"},
		}},
		"what Envoy would reject": {Name: "c", TransportSocket: &corev3.TransportSocket{Name: "none"}, TransportSocketMatches: []*clusterv3.Cluster_TransportSocketMatch{{Name: "none"}}},
		"original destination": {
			Name: "c", LbPolicy: clusterv3.Cluster_CLUSTER_PROVIDED,
			ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST},
			LbConfig:             &clusterv3.Cluster_OriginalDstLbConfig_{OriginalDstLbConfig: &clusterv3.Cluster_OriginalDstLbConfig{UseHttpHeader: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.False(t, xds.IsDenied(c))
			said := proto.CloneOf(c)
			said.Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: xds.DeniedKey, Value: "true"})
			require.Equal(t, name == "what Envoy would reject", xds.IsDenied(said), "the metadata alone does not prove it; without endpoints nobody is reached")
			require.NoError(t, xds.DenyCluster(c))
			require.NoError(t, c.ValidateAll())
			require.True(t, xds.IsDenied(c))
			want := &clusterv3.Cluster{
				Name: "c", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
				LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: "c"},
				Metadata:       xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: xds.DeniedKey, Value: "true"}),
			}
			require.True(t, proto.Equal(want, c), "%v", c)
		})
	}
}

func TestDenyEndpointsAndSecret(t *testing.T) {
	e := &endpointv3.ClusterLoadAssignment{ClusterName: "c", Endpoints: []*endpointv3.LocalityLbEndpoints{{}}}
	require.NoError(t, xds.DenyEndpoints(e))
	require.True(t, proto.Equal(&endpointv3.ClusterLoadAssignment{ClusterName: "c"}, e))
	s := &tlsv3.Secret{Name: "s", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{}}}
	require.NoError(t, xds.DenySecret(s))
	require.True(t, proto.Equal(&tlsv3.Secret{Name: "s"}, s))
}

func filter(t *testing.T, name string, m proto.Message) *listenerv3.Filter {
	t.Helper()
	cfg, err := xds.Any(m)
	require.NoError(t, err)
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: cfg}}
}

func TestDenyListener(t *testing.T) {
	hcm := &hcmv3.HttpConnectionManager{
		StatPrefix:     "http",
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "rc", ConfigSource: nil}},
	}
	l := &listenerv3.Listener{
		Name: "l",
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{
			filter(t, "envoy.filters.network.tcp_proxy", &tcpproxyv3.TcpProxy{StatPrefix: "tcp", ClusterSpecifier: &tcpproxyv3.TcpProxy_Cluster{Cluster: "c"}}),
		}}},
		DefaultFilterChain: &listenerv3.FilterChain{Filters: []*listenerv3.Filter{filter(t, xds.HCMName, hcm)}},
	}
	require.NoError(t, xds.DenyListener(l))
	require.NoError(t, l.ValidateAll())
	require.Len(t, l.GetFilterChains(), 1)
	require.Equal(t, "envoy.filters.network.direct_response", l.GetFilterChains()[0].GetFilters()[0].GetName())
	got := &hcmv3.HttpConnectionManager{}
	require.NoError(t, l.GetDefaultFilterChain().GetFilters()[0].GetTypedConfig().UnmarshalTo(got))
	require.EqualValues(t, 500, got.GetRouteConfig().GetVirtualHosts()[0].GetRoutes()[0].GetDirectResponse().GetStatus())
}

// TestDenyListenerThatCannotBeRead: an unreadable connection manager must not fail the call, which
// covers all listeners.
func TestDenyListenerThatCannotBeRead(t *testing.T) {
	for name, unreadable := range map[string]*anypb.Any{
		"other type": {TypeUrl: "type.googleapis.com/other"},
		"not UTF-8":  {TypeUrl: "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", Value: []byte("\x12\x01\xff")},
	} {
		l := &listenerv3.Listener{FilterChains: []*listenerv3.FilterChain{{Name: "fc", Filters: []*listenerv3.Filter{{
			Name: xds.HCMName, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: unreadable},
		}}}}}
		require.NoError(t, xds.DenyListener(l), name)
		require.NoError(t, l.ValidateAll())
		require.Len(t, l.GetFilterChains()[0].GetFilters(), 1)
		require.Equal(t, "envoy.filters.network.direct_response", l.GetFilterChains()[0].GetFilters()[0].GetName(), name)
	}
}
