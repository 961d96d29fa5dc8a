package backendmtls

import (
	"context"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// agents adds a cluster for each SPIRE agent's socket that a policy in effect names.
type agents struct{}

// Add returns the agents' clusters in the order in which the policies come.
func (agents) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	var out mutator.Additions
	seen := map[string]bool{}
	for _, o := range winners(in) {
		s, err := spec(o)
		if err != nil || seen[s.Agent.SocketPath] {
			continue
		}
		seen[s.Agent.SocketPath] = true
		c, err := agentCluster(s.Agent.SocketPath)
		if err != nil {
			return mutator.Additions{}, err
		}
		out.Clusters = append(out.Clusters, c)
	}
	return out, nil
}

// winners are the policies that win a cluster. Without routes there is no telling, and
// every policy counts, as in candidates.
func winners(in *mutator.Input) []*policy.Object {
	x := indexOf(in)
	if len(x.groups) == 0 {
		return in.Objects.Of(gvk)
	}
	var out []*policy.Object
	seen := map[*policy.Object]bool{}
	for _, g := range x.groups {
		if len(g.found) > 0 && !seen[g.found[0].Object] {
			seen[g.found[0].Object] = true
			out = append(out, g.found[0].Object)
		}
	}
	return out
}

// agentClusterName derives the cluster's name from the socket's path, so that it is the
// same for all policies with the same agent.
func agentClusterName(socketPath string) string { return "egraft/agent" + socketPath }

// agentCluster is the way to the agent: HTTP/2 on a Unix socket, and nothing that could
// take it away, such as health checks.
func agentCluster(socketPath string) (*clusterv3.Cluster, error) {
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
	name := agentClusterName(socketPath)
	pipe := &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: socketPath}}}
	return &clusterv3.Cluster{
		Name:                          name,
		AltStatName:                   strings.ReplaceAll(name, ".", "_"), // a dot ends the name in statistics
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:                durationpb.New(time.Second),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{httpOptions: h2},
		LoadAssignment: &endpointv3.ClusterLoadAssignment{
			ClusterName: name,
			Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: pipe}},
			}}}},
		},
	}, nil
}

// sdsConfig is the way to the agent's secrets. It is the same for all secrets of a policy:
// Envoy shares a stream among equal ones, and the agent attests each stream anew.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/security/secret
func sdsConfig(s *v1alpha1.BackendMTLSPolicySpec) *corev3.ConfigSource {
	timeout, _ := time.ParseDuration(string(s.InitialFetchTimeout)) // validated
	return &corev3.ConfigSource{
		ResourceApiVersion:  corev3.ApiVersion_V3,
		InitialFetchTimeout: durationpb.New(timeout),
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_GRPC, // SPIRE has no delta
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: agentClusterName(s.Agent.SocketPath)},
			}}},
		}},
	}
}

// svidName is the SDS name of Envoy's certificate.
func svidName(s *v1alpha1.BackendMTLSPolicySpec) string {
	if n := s.Agent.SDSNames; n != nil && n.SVID != "" {
		return n.SVID
	}
	return clientID(s)
}

// clientID is Envoy's SPIFFE ID.
func clientID(s *v1alpha1.BackendMTLSPolicySpec) string {
	return "spiffe://" + string(s.TrustDomain) + s.WorkloadIdentifier
}

// bundleName is the SDS name of what backends are verified against: the bundle of the one
// trust domain, or all bundles where there are several. A context takes one name.
func bundleName(s *v1alpha1.BackendMTLSPolicySpec) string {
	names := s.Agent.SDSNames
	if names == nil {
		names = &v1alpha1.SDSNames{}
	}
	switch {
	case len(s.TrustBundles) > 1 && names.AllTrustBundles != "":
		return names.AllTrustBundles
	case len(s.TrustBundles) > 1:
		return "ALL"
	case names.TrustBundle != "":
		return names.TrustBundle
	default:
		return "spiffe://" + string(s.TrustBundles[0])
	}
}
