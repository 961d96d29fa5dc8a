package spiffe

import (
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/egraft/egraft/pkg/xds"
)

// HTTPOptions is the key of a cluster's HTTP protocol options.
const HTTPOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// AgentClusterName derives the cluster's name from the socket's path, so that it is the
// same for all policies with the same agent.
func AgentClusterName(socketPath string) string { return "egraft/agent" + socketPath }

// AgentCluster is the way to the agent: HTTP/2 on a Unix socket, and nothing that could
// take it away, such as health checks.
func AgentCluster(socketPath string) (*clusterv3.Cluster, error) {
	h2, err := xds.Any(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
					Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
				},
			},
		},
	})
	if err != nil {
		return nil, err
	}
	name := AgentClusterName(socketPath)
	pipe := &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: socketPath}}}
	return &clusterv3.Cluster{
		Name:                          name,
		AltStatName:                   strings.ReplaceAll(name, ".", "_"), // a dot ends the name in statistics
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:                durationpb.New(time.Second),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{HTTPOptions: h2},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: pipe}},
			}}}},
		},
	}, nil
}
