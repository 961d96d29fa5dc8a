package xds_test

import (
	"errors"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	rawbufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

func chainWith(t *testing.T, socket proto.Message) *listenerv3.FilterChain {
	t.Helper()
	if socket == nil {
		return &listenerv3.FilterChain{Name: "fc"}
	}
	cfg, err := xds.Any(socket)
	require.NoError(t, err)
	return &listenerv3.FilterChain{Name: "fc", TransportSocket: &corev3.TransportSocket{
		Name: "socket", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: cfg},
	}}
}

func TestEditDownstreamTLS(t *testing.T) {
	alpn := func(ctx *tlsv3.DownstreamTlsContext) error {
		ctx.CommonTlsContext = &tlsv3.CommonTlsContext{AlpnProtocols: []string{"edited"}}
		return nil
	}
	edited := &tlsv3.DownstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{AlpnProtocols: []string{"edited"}}}
	for name, c := range map[string]struct {
		socket, want      proto.Message
		plaintext, isQUIC bool
		err               string
	}{
		"TLS":              {socket: &tlsv3.DownstreamTlsContext{}, want: edited},
		"QUIC":             {socket: &quicv3.QuicDownstreamTransport{DownstreamTlsContext: &tlsv3.DownstreamTlsContext{}}, want: &quicv3.QuicDownstreamTransport{DownstreamTlsContext: edited}, isQUIC: true},
		"QUIC, no context": {socket: &quicv3.QuicDownstreamTransport{}, want: &quicv3.QuicDownstreamTransport{DownstreamTlsContext: edited}, isQUIC: true},
		"none":             {plaintext: true, err: `filter chain "fc": transport socket "" has unsupported type ""`},
		"raw buffer":       {socket: &rawbufferv3.RawBuffer{}, plaintext: true, err: `filter chain "fc": transport socket "socket" has unsupported type "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"`},
		"upstream":         {socket: &tlsv3.UpstreamTlsContext{}, err: `filter chain "fc": transport socket "socket" has unsupported type "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"`},
	} {
		t.Run(name, func(t *testing.T) {
			fc := chainWith(t, c.socket)
			require.Equal(t, c.plaintext, xds.IsPlaintext(fc))
			require.Equal(t, c.isQUIC, xds.IsQUIC(fc))
			err := xds.EditDownstreamTLS(fc, alpn)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.True(t, proto.Equal(chainWith(t, c.want), fc), "%v", fc)
		})
	}
	fc := chainWith(t, &tlsv3.DownstreamTlsContext{})
	require.EqualError(t, xds.EditDownstreamTLS(fc, func(*tlsv3.DownstreamTlsContext) error { return errors.New("no") }), `filter chain "fc": no`)
}

func TestConfigurationsOfReach(t *testing.T) {
	r := xds.NewRouteIndex([]xds.Configuration{{Name: "b"}, {Name: "a"}, {Name: "b"}})
	require.Equal(t, []string{"b", "a"}, r.Configurations())
}
