package redact

import (
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

func TestEncoded(t *testing.T) {
	secret := encoded(t, &tlsv3.Secret{Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		PrivateKey: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: marker}},
	}}})
	out, redacted := Encoded(&tlsv3.Secret{}, secret)
	require.True(t, redacted)
	require.False(t, leaks(t, out))
	require.NoError(t, proto.Unmarshal(out, &tlsv3.Secret{}))

	public := encoded(t, &clusterv3.Cluster{Name: "x", TypedExtensionProtocolOptions: map[string]*anypb.Any{"a": packed(t, &corev3.Node{Id: "n"}), "b": {}}})
	out, redacted = Encoded(&clusterv3.Cluster{}, public)
	require.False(t, redacted)
	m := &clusterv3.Cluster{}
	require.NoError(t, proto.Unmarshal(out, m))
	require.Equal(t, "x", m.GetName())
	for range 10 { // Go encodes maps in a different order each time
		again, _ := Encoded(&clusterv3.Cluster{}, encoded(t, m))
		require.Equal(t, out, again)
	}

	out, redacted = Encoded(&clusterv3.Cluster{}, []byte("\xff"+marker))
	require.True(t, redacted)
	require.Empty(t, out)
}

// TestEncodedDropsWhatIsOverwritten has a secret in a field that is repeated in the same message,
// so that decoding silently drops it.
func TestEncodedDropsWhatIsOverwritten(t *testing.T) {
	hidden := encoded(t, &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: marker}})
	source := slices.Concat(hidden, encoded(t, &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: "/f"}}))
	out, _ := Encoded(&corev3.DataSource{}, source)
	require.False(t, leaks(t, out))
	inAny := encoded(t, &corev3.TypedExtensionConfig{TypedConfig: &anypb.Any{TypeUrl: "type.googleapis.com/envoy.config.core.v3.DataSource", Value: source}})
	out, _ = Encoded(&corev3.TypedExtensionConfig{}, inAny)
	require.NotEmpty(t, out)
	require.False(t, leaks(t, out))
}
