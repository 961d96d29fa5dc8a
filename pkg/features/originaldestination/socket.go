package originaldestination

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// systemCAs is the path of the system's certificates in Envoy's images. Envoy Gateway uses the same
// path.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/cluster.go
const systemCAs = "/etc/ssl/certs/ca-certificates.crt"

// rawBufferName is Envoy's name of the transport socket without TLS.
const rawBufferName = "envoy.transport_sockets.raw_buffer"

// setSocket replaces the cluster's transport sockets, which Envoy Gateway made for its endpoints,
// with the backend's. It keeps the outer PROXY protocol socket of a BackendTrafficPolicy.
func setSocket(c *clusterv3.Cluster, t *v1alpha1.DestinationTLS) error {
	wrapper := proxyProtocolOf(c)
	c.TransportSocketMatches, c.TransportSocket = nil, nil
	if t == nil && wrapper == nil {
		return nil
	}
	name, inner := rawBufferName, proto.Message(&rawbufferv3.RawBuffer{})
	if t != nil {
		name, inner = xds.TLSSocketName, tlsContext(t)
	}
	socket, err := socketOf(name, inner)
	if err == nil && wrapper != nil {
		wrapper.message.TransportSocket = socket
		socket, err = socketOf(wrapper.name, wrapper.message)
	}
	c.TransportSocket = socket
	return err
}

func socketOf(name string, config proto.Message) (*corev3.TransportSocket, error) {
	a, err := xds.Any(config)
	return &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: a}}, err
}

// wrapper is a transport socket with another one inside.
type wrapper struct {
	name    string
	message *proxyprotocolv3.ProxyProtocolUpstreamTransport
}

// proxyProtocolOf returns the PROXY protocol socket of the cluster. It is the same in all of the
// cluster's transport sockets, because the policy applies to the route.
func proxyProtocolOf(c *clusterv3.Cluster) *wrapper {
	sockets := []*corev3.TransportSocket{c.GetTransportSocket()}
	for _, m := range c.GetTransportSocketMatches() {
		sockets = append(sockets, m.GetTransportSocket())
	}
	for _, s := range sockets {
		m := &proxyprotocolv3.ProxyProtocolUpstreamTransport{}
		if s.GetTypedConfig().MessageIs(m) && s.GetTypedConfig().UnmarshalTo(m) == nil {
			return &wrapper{s.GetName(), m}
		}
	}
	return nil
}

func tlsContext(t *v1alpha1.DestinationTLS) *tlsv3.UpstreamTlsContext {
	ca := &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: systemCAs}}
	if t.CABundle != "" {
		ca.Specifier = &corev3.DataSource_InlineString{InlineString: canonical(t.CABundle)}
	}
	return &tlsv3.UpstreamTlsContext{Sni: t.Hostname, CommonTlsContext: &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			TrustedCa: ca,
			MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_DNS,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: t.Hostname}},
			}},
		}},
	}}
}
