package ads

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	// generationHeader shows the cluster generation that a request went through.
	generationHeader = "x-generation"
	// PeerHeader is the header in which a backend reports its client.
	PeerHeader   = "x-peer"
	metadataName = "e2e"
	routesName   = "routes"
)

var onADS = &corev3.ConfigSource{
	ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	ResourceApiVersion:    corev3.ApiVersion_V3,
}

// Cluster returns a cluster that gets its endpoints by EDS under its own name. Another generation
// makes it an edited cluster. Without a timeout, Envoy's default applies.
func Cluster(name, generation string, timeout time.Duration) *clusterv3.Cluster {
	source := proto.CloneOf(onADS)
	if timeout > 0 {
		source.InitialFetchTimeout = durationpb.New(timeout)
	}
	c := cluster(name, generation)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: source, ServiceName: name}
	return c
}

// StaticCluster returns a cluster that contains its endpoint.
func StaticCluster(name, generation string, port int) *clusterv3.Cluster {
	c := cluster(name, generation)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	c.LoadAssignment = Endpoints(name, port)
	return c
}

func cluster(name, generation string) *clusterv3.Cluster {
	fields := map[string]*structpb.Value{"generation": structpb.NewStringValue(generation)}
	return &clusterv3.Cluster{
		Name: name, ConnectTimeout: durationpb.New(time.Second), IgnoreHealthOnHostRemoval: true,
		Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{metadataName: {Fields: fields}}},
	}
}

// Endpoints returns ports on 127.0.0.1, possibly none.
func Endpoints(name string, ports ...int) *endpointv3.ClusterLoadAssignment {
	locality := &endpointv3.LocalityLbEndpoints{}
	for _, port := range ports {
		locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address(port)}},
		})
	}
	return &endpointv3.ClusterLoadAssignment{ClusterName: name, Endpoints: []*endpointv3.LocalityLbEndpoints{locality}}
}

func address(port int) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}
}

// Routes returns a virtual host for each cluster, with the cluster's name as the host.
func Routes(clusters ...string) *routev3.RouteConfiguration {
	out := &routev3.RouteConfiguration{Name: routesName, ResponseHeadersToAdd: []*corev3.HeaderValueOption{{
		Header: &corev3.HeaderValue{Key: generationHeader, Value: fmt.Sprintf("%%CLUSTER_METADATA(%s:generation)%%", metadataName)},
	}}}
	for _, name := range clusters {
		out.VirtualHosts = append(out.VirtualHosts, &routev3.VirtualHost{Name: name, Domains: []string{name}, Routes: []*routev3.Route{{
			Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: name},
			}},
		}}})
	}
	return out
}

// Listener returns a listener that serves [Routes], with filters in front of the router.
func Listener(filters ...*hcmv3.HttpFilter) (*listenerv3.Listener, error) {
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		return nil, fmt.Errorf("pack the router: %w", err)
	}
	manager, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix:     "experiment",
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: onADS, RouteConfigName: routesName}},
		HttpFilters: append(filters, &hcmv3.HttpFilter{
			Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router},
		}),
		LocalReplyConfig: &hcmv3.LocalReplyConfig{BodyFormat: &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%"},
			}},
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("pack the HTTP connection manager: %w", err)
	}
	return &listenerv3.Listener{Name: "listener", Address: address(listenPort), FilterChains: []*listenerv3.FilterChain{{
		Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: manager},
		}},
	}}}, nil
}

// Weight returns the weight of a cluster among several.
func Weight(n uint32) *wrapperspb.UInt32Value { return wrapperspb.UInt32(n) }
