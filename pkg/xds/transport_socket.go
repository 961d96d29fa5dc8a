package xds

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	proxyprotocolv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// TLSSocketName is the name of Envoy's TLS transport socket.
const TLSSocketName = "envoy.transport_sockets.tls"

// The supported types of transport sockets.
var (
	rawBuffer     = nameOf(&rawbufferv3.RawBuffer{})
	upstreamTLS   = nameOf(&tlsv3.UpstreamTlsContext{})
	proxyProtocol = nameOf(&proxyprotocolv3.ProxyProtocolUpstreamTransport{})
)

func nameOf(m proto.Message) protoreflect.FullName { return m.ProtoReflect().Descriptor().FullName() }

// EditTLS returns the new TLS context. It gets nil for a socket without TLS, and returns nil to
// leave the socket unmodified.
type EditTLS func(*tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error)

// EditClusterTLS calls edit for every TLS context that the cluster can have: in the transport
// sockets that endpoint metadata selects, then in the default one, which is for endpoints that
// match none.
func EditClusterTLS(c *clusterv3.Cluster, edit EditTLS) error {
	for _, m := range c.GetTransportSocketMatches() {
		ts, err := EditSocketTLS(m.GetTransportSocket(), edit)
		if err != nil {
			return fmt.Errorf("transport socket match %q: %w", m.GetName(), err)
		}
		m.TransportSocket = ts
	}
	ts, err := EditSocketTLS(c.GetTransportSocket(), edit)
	if err != nil {
		return fmt.Errorf("transport socket: %w", err)
	}
	c.TransportSocket = ts
	return nil
}

// HasTLS reports whether Envoy uses TLS for any endpoint of the cluster. An unsupported type of
// socket is an error.
func HasTLS(c *clusterv3.Cluster) (bool, error) {
	for _, m := range c.GetTransportSocketMatches() {
		if found, err := isTLS(m.GetTransportSocket()); err != nil {
			return false, fmt.Errorf("transport socket match %q: %w", m.GetName(), err)
		} else if found {
			return true, nil
		}
	}
	found, err := isTLS(c.GetTransportSocket())
	if err != nil {
		return false, fmt.Errorf("transport socket: %w", err)
	}
	return found, nil
}

func isTLS(ts *corev3.TransportSocket) (bool, error) {
	cfg := ts.GetTypedConfig()
	switch {
	case cfg == nil, cfg.MessageName() == rawBuffer:
		return false, nil
	case cfg.MessageName() == upstreamTLS:
		return true, nil
	case cfg.MessageName() == proxyProtocol:
		wrapper := &proxyprotocolv3.ProxyProtocolUpstreamTransport{}
		if err := cfg.UnmarshalTo(wrapper); err != nil {
			return false, fmt.Errorf("decode %q: %w", ts.GetName(), err)
		}
		return isTLS(wrapper.GetTransportSocket())
	}
	return false, unknownSocket(ts)
}

func unknownSocket(ts *corev3.TransportSocket) error {
	return fmt.Errorf("%q has unsupported type %s", ts.GetName(), ts.GetTypedConfig().GetTypeUrl())
}

// EditSocketTLS calls edit for the TLS context of one transport socket, which may be absent, and
// also inside PROXY protocol sockets. An unsupported type of socket is an error, because its effect
// on the traffic is unknown.
func EditSocketTLS(ts *corev3.TransportSocket, edit EditTLS) (*corev3.TransportSocket, error) {
	cfg := ts.GetTypedConfig()
	if cfg == nil {
		return editPlain(ts, edit)
	}
	switch cfg.MessageName() {
	case rawBuffer:
		return editPlain(ts, edit)
	case upstreamTLS:
		return editContext(ts, edit)
	case proxyProtocol:
		return editWrapped(ts, edit)
	}
	return nil, unknownSocket(ts)
}

func editPlain(ts *corev3.TransportSocket, edit EditTLS) (*corev3.TransportSocket, error) {
	next, err := edit(nil)
	if err != nil || next == nil {
		return ts, err
	}
	return tlsSocket(TLSSocketName, next)
}

func editContext(ts *corev3.TransportSocket, edit EditTLS) (*corev3.TransportSocket, error) {
	ctx := &tlsv3.UpstreamTlsContext{}
	if err := ts.GetTypedConfig().UnmarshalTo(ctx); err != nil {
		return nil, fmt.Errorf("decode %q: %w", ts.GetName(), err)
	}
	next, err := edit(ctx)
	if err != nil || next == nil {
		return ts, err
	}
	return tlsSocket(ts.GetName(), next)
}

func editWrapped(ts *corev3.TransportSocket, edit EditTLS) (*corev3.TransportSocket, error) {
	wrapper := &proxyprotocolv3.ProxyProtocolUpstreamTransport{}
	if err := ts.GetTypedConfig().UnmarshalTo(wrapper); err != nil {
		return nil, fmt.Errorf("decode %q: %w", ts.GetName(), err)
	}
	inner, err := EditSocketTLS(wrapper.GetTransportSocket(), edit)
	if err != nil {
		return nil, fmt.Errorf("inside of %q: %w", ts.GetName(), err)
	}
	wrapper.TransportSocket = inner
	cfg, err := Any(wrapper)
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{Name: ts.GetName(), ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: cfg}}, nil
}

func tlsSocket(name string, ctx *tlsv3.UpstreamTlsContext) (*corev3.TransportSocket, error) {
	cfg, err := Any(ctx)
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: cfg}}, nil
}
