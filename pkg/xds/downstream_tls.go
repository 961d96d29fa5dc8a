package xds

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
)

// IsPlaintext reports whether Envoy terminates no TLS on the connections of a filter chain.
func IsPlaintext(fc *listenerv3.FilterChain) bool {
	cfg := fc.GetTransportSocket().GetTypedConfig()
	return cfg == nil || cfg.MessageIs(&rawbufferv3.RawBuffer{})
}

// IsQUIC reports whether a filter chain is for HTTP/3.
func IsQUIC(fc *listenerv3.FilterChain) bool {
	return fc.GetTransportSocket().GetTypedConfig().MessageIs(&quicv3.QuicDownstreamTransport{})
}

// EditDownstreamTLS calls edit for the TLS context of a filter chain, for TLS or QUIC. A chain without
// TLS, or with another kind of socket, is an error.
func EditDownstreamTLS(fc *listenerv3.FilterChain, edit func(*tlsv3.DownstreamTlsContext) error) error {
	ts := fc.GetTransportSocket()
	cfg := ts.GetTypedConfig()
	ctx, quic := &tlsv3.DownstreamTlsContext{}, &quicv3.QuicDownstreamTransport{}
	var socket proto.Message
	switch {
	case cfg.MessageIs(ctx):
		socket = ctx
	case cfg.MessageIs(quic):
		socket = quic
	default:
		return fmt.Errorf("filter chain %q: transport socket %q has unsupported type %q", fc.GetName(), ts.GetName(), cfg.GetTypeUrl())
	}
	if err := cfg.UnmarshalTo(socket); err != nil {
		return fmt.Errorf("filter chain %q: decode %q: %w", fc.GetName(), ts.GetName(), err)
	}
	if socket == quic {
		if quic.GetDownstreamTlsContext() == nil {
			quic.DownstreamTlsContext = ctx
		}
		ctx = quic.GetDownstreamTlsContext()
	}
	if err := edit(ctx); err != nil {
		return fmt.Errorf("filter chain %q: %w", fc.GetName(), err)
	}
	packed, err := Any(socket)
	if err != nil {
		return err
	}
	fc.TransportSocket = &corev3.TransportSocket{Name: ts.GetName(), ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed}}
	return nil
}
