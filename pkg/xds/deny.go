package xds

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// denyBody tells the client no details; the reason is in egraft's log.
const denyBody = "egraft: the policy for this route cannot be applied\n"

// DenyRoute makes Envoy respond to the route's requests with 500, without contacting a backend. Envoy
// accepts no upgrades on such a route, and responds to them with 403.
func DenyRoute(r *routev3.Route) error {
	r.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
		Status: 500,
		Body:   &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: denyBody}},
	}}
	return nil
}

// DenyVirtualHost denies every route of the virtual host. It removes a matcher, whose actions may be of
// any kind.
func DenyVirtualHost(vh *routev3.VirtualHost) error {
	vh.RequestMirrorPolicies = nil
	vh.Matcher = nil
	for _, r := range vh.GetRoutes() {
		if err := DenyRoute(r); err != nil {
			return err
		}
	}
	return nil
}

// DenyRouteConfiguration denies every route of every virtual host, and makes Envoy fetch no other
// virtual hosts.
func DenyRouteConfiguration(rc *routev3.RouteConfiguration) error {
	rc.Vhds = nil
	for _, vh := range rc.GetVirtualHosts() {
		if err := DenyVirtualHost(vh); err != nil {
			return err
		}
	}
	return nil
}

// DeniedKey is the key in egraft's metadata of a cluster that [DenyCluster] denied.
const DeniedKey = "denied"

// DenyCluster removes everything from the cluster, so that Envoy responds with 503 (no healthy
// upstream) and connects to no backend. It leaves nothing that Envoy could reject: Envoy would keep
// the previous version of the cluster.
func DenyCluster(c *clusterv3.Cluster) error {
	denied := &clusterv3.Cluster{
		Name: c.GetName(), AltStatName: c.GetAltStatName(), ConnectTimeout: c.GetConnectTimeout(), Metadata: c.GetMetadata(),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment:       &endpointv3.ClusterLoadAssignment{ClusterName: c.GetName()},
	}
	denied.Metadata = SetMetadataEntry(denied.GetMetadata(), MetadataEntry{Key: DeniedKey, Value: "true"})
	proto.Reset(c)
	proto.Merge(c, denied)
	return nil
}

// IsDenied reports whether an earlier pass denied the cluster. Its original content is lost, so it
// stays denied. The metadata alone is no proof: the cluster must also have no endpoints.
func IsDenied(c *clusterv3.Cluster) bool {
	static := c.GetType() == clusterv3.Cluster_STATIC && c.GetClusterType() == nil
	return static && len(c.GetLoadAssignment().GetEndpoints()) == 0 && slices.ContainsFunc(MetadataEntries(c.GetMetadata()), func(m MetadataEntry) bool { return m.Key == DeniedKey })
}

// DenyEndpoints removes all endpoints.
func DenyEndpoints(e *endpointv3.ClusterLoadAssignment) error {
	e.Endpoints = nil
	e.NamedEndpoints = nil
	return nil
}

// DenySecret removes the content, so that connections that need the secret fail.
func DenySecret(s *tlsv3.Secret) error {
	s.Type = nil
	return nil
}
