package xds

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	commondnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	upstreamsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/unixsocket"
)

// Defaults for clusters of [NewCluster]. They match Envoy Gateway's defaults for clusters of
// backends, where Envoy Gateway has any.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/cluster.go
const (
	// DefaultConnectTimeout is how long Envoy waits for a connection.
	DefaultConnectTimeout = 10 * time.Second
	// bufferLimit bounds the memory that Envoy uses for a connection: its own default of 1 MiB is for
	// trusted peers. https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/best_practices/edge
	bufferLimit = 32768
	// maxParallel is the maximum number of concurrent connections, pending requests, requests and
	// retries. Envoy's own default for retries is 3.
	maxParallel = 1024
	// dnsRefresh is the interval for DNS responses without a TTL.
	dnsRefresh = 30 * time.Second
	// keepalive is when an idle connection is probed: before a load balancer or a NAT drops it,
	// commonly after 350 s. Linux's default is two hours.
	// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/core/v3/address.proto#config-core-v3-tcpkeepalive
	keepalive, keepaliveInterval, keepaliveProbes = 300, 30, 3
	// http2Ping is the interval of HTTP/2 pings on a connection, and http2PingTimeout the time without a response after which it is closed, as in Envoy Gateway's connection from Envoy to itself.
	// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/bootstrap/bootstrap.yaml.tpl
	http2Ping, http2PingTimeout = 30 * time.Second, 5 * time.Second
)

// HTTPProtocolOptions is the key of a cluster's typed_extension_protocol_options for HTTP.
const HTTPProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// ClusterOptions describe a cluster that a feature adds. Exactly one of Hosts, Socket and
// InternalListener must be set.
type ClusterOptions struct {
	// Name must be unique among all clusters. Begin it with your own domain.
	Name string

	// Hosts are host:port, or [address]:port for IPv6. Envoy resolves names again when their TTL
	// expires, and uses all addresses.
	Hosts []string
	// Socket is the path of a Unix domain socket, at most as long as Linux allows.
	Socket string
	// InternalListener is the name of a listener of the same Envoy. Its bootstrap needs the
	// extension envoy.bootstrap.internal_listener.
	// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/other_features/internal_listener
	InternalListener string
	// PassMetadata are the metadata namespaces of endpoints that are passed to an internal
	// listener, see [StampEndpoints].
	PassMetadata []string

	// HTTP2 makes Envoy use HTTP/2, which gRPC needs, instead of HTTP/1.1.
	HTTP2 bool
	// TLS is nil for cleartext.
	TLS *tlsv3.UpstreamTlsContext
	// ConnectTimeout defaults to [DefaultConnectTimeout] if it is 0.
	ConnectTimeout time.Duration
}

// NewCluster returns a cluster with timeouts, limits and keepalives for production. It contains its
// endpoints, because Envoy Gateway does not accept separate endpoints in a translation. It returns an
// error if Envoy would reject the cluster.
func NewCluster(o ClusterOptions) (*clusterv3.Cluster, error) {
	if o.Name == "" {
		return nil, errors.New("new cluster: a cluster needs a name")
	}
	c, err := newCluster(o)
	if err == nil {
		err = c.ValidateAll()
	}
	if err != nil {
		return nil, fmt.Errorf("new cluster %q: %w", o.Name, err)
	}
	return c, nil
}

func newCluster(o ClusterOptions) (*clusterv3.Cluster, error) {
	c := &clusterv3.Cluster{
		Name:                          o.Name,
		ConnectTimeout:                durationpb.New(DefaultConnectTimeout),
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		PerConnectionBufferLimitBytes: wrapperspb.UInt32(bufferLimit),
		CircuitBreakers:               &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{thresholds()}},
		IgnoreHealthOnHostRemoval:     true,
	}
	if o.ConnectTimeout != 0 {
		c.ConnectTimeout = durationpb.New(o.ConnectTimeout)
	}
	addresses, resolve, err := addressesOf(o)
	if err != nil {
		return nil, err
	}
	if resolve {
		if err := resolveNames(c); err != nil {
			return nil, err
		}
	}
	endpoints := make([]*endpointv3.LbEndpoint, len(addresses))
	for i, a := range addresses {
		endpoints[i] = &endpointv3.LbEndpoint{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: a}}}
	}
	c.LoadAssignment = &endpointv3.ClusterLoadAssignment{ClusterName: o.Name, Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: endpoints}}}
	if len(o.Hosts) > 0 {
		c.UpstreamConnectionOptions = &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{
			KeepaliveProbes: wrapperspb.UInt32(keepaliveProbes), KeepaliveTime: wrapperspb.UInt32(keepalive), KeepaliveInterval: wrapperspb.UInt32(keepaliveInterval),
		}}
	}
	if err := setProtocol(c, o.HTTP2); err != nil {
		return nil, err
	}
	c.TransportSocket, err = socketOf(o)
	return c, err
}

func thresholds() *clusterv3.CircuitBreakers_Thresholds {
	limit := wrapperspb.UInt32(maxParallel)
	return &clusterv3.CircuitBreakers_Thresholds{
		MaxConnections: limit, MaxPendingRequests: limit, MaxRequests: limit, MaxRetries: limit,
	}
}

// addressesOf returns the addresses of a cluster, and whether any is a name that Envoy must
// resolve.
func addressesOf(o ClusterOptions) (addresses []*corev3.Address, resolve bool, err error) {
	set := 0
	for _, is := range []bool{len(o.Hosts) > 0, o.Socket != "", o.InternalListener != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, false, errors.New("set exactly one of Hosts, Socket and InternalListener")
	case o.Socket != "":
		if len(o.Socket) > unixsocket.MaxPath || strings.ContainsRune(o.Socket, 0) {
			return nil, false, fmt.Errorf("socket %q: must have at most %d bytes, and no NUL", o.Socket, unixsocket.MaxPath)
		}
		return []*corev3.Address{{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: o.Socket}}}}, false, nil
	case o.InternalListener != "":
		return []*corev3.Address{{Address: &corev3.Address_EnvoyInternalAddress{EnvoyInternalAddress: &corev3.EnvoyInternalAddress{
			AddressNameSpecifier: &corev3.EnvoyInternalAddress_ServerListenerName{ServerListenerName: o.InternalListener},
		}}}}, false, nil
	}
	for _, host := range o.Hosts {
		a, isName, err := socketAddress(host)
		if err != nil {
			return nil, false, err
		}
		addresses, resolve = append(addresses, a), resolve || isName
	}
	return addresses, resolve, nil
}

func socketAddress(host string) (a *corev3.Address, isName bool, err error) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 {
		return nil, false, fmt.Errorf("host %q: must be host:port", host)
	}
	name := host[:i]
	port, err := strconv.ParseUint(host[i+1:], 10, 16)
	if err != nil || port == 0 {
		return nil, false, fmt.Errorf("host %q: the port must be from 1 to 65535", host)
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		name = strings.TrimSuffix(inner, "]")
	}
	_, err = netip.ParseAddr(name)
	switch isName = err != nil; {
	case name == "":
		return nil, false, fmt.Errorf("host %q: must be host:port", host)
	case isName && strings.ContainsAny(name, ":/[] "):
		return nil, false, fmt.Errorf("host %q: neither an address nor a name", host)
	}
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: name, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port)},
	}}}, isName, nil
}

// resolveNames makes the cluster a strict DNS cluster, as Envoy Gateway does since 1.9.
func resolveNames(c *clusterv3.Cluster) error {
	config, err := Any(&dnsv3.DnsCluster{
		DnsRefreshRate: durationpb.New(dnsRefresh), RespectDnsTtl: true, DnsLookupFamily: commondnsv3.DnsLookupFamily_V4_PREFERRED,
	})
	c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.cluster.dns", TypedConfig: config,
	}}
	return err
}

func setProtocol(c *clusterv3.Cluster, http2 bool) error {
	explicit := &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig{
		ProtocolConfig: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{HttpProtocolOptions: &corev3.Http1ProtocolOptions{}},
	}
	if http2 {
		explicit.ProtocolConfig = &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{
			ConnectionKeepalive: &corev3.KeepaliveSettings{Interval: durationpb.New(http2Ping), Timeout: durationpb.New(http2PingTimeout)},
		}}
	}
	config, err := Any(&upstreamsv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit},
	})
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{HTTPProtocolOptions: config}
	return err
}
