package redact

import (
	"testing"

	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

func clean(m proto.Message, raw []byte) bool {
	return isClean(shapeOf(m.ProtoReflect().Descriptor()), raw, 0)
}

// slowly is [Encoded], always with decoding.
func slowly(m proto.Message, raw []byte) (out []byte, redacted bool) {
	if proto.Unmarshal(raw, m) != nil {
		return nil, true
	}
	redacted = walk(m.ProtoReflect(), 0)
	out, _ = proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return out, redacted
}

// TestNoSecretIsClean tries every secret of every message of Envoy's API, also within an Any.
func TestNoSecretIsClean(t *testing.T) {
	messages := 0
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		for _, secret := range secrets(m) {
			raw := encoded(t, secret.Interface())
			require.False(t, clean(secret.Interface(), raw), m.Descriptor().FullName())
			in := &corev3.TypedExtensionConfig{TypedConfig: packed(t, secret.Interface())}
			require.False(t, clean(in, encoded(t, in)), m.Descriptor().FullName())
			messages++
		}
		return true
	})
	require.Greater(t, messages, 100)
}

func TestClean(t *testing.T) {
	field := func(n protowire.Number, value string) string {
		return string(protowire.AppendString(protowire.AppendTag(nil, n, protowire.BytesType), value))
	}
	text := func(m proto.Message) string { return string(encoded(t, m)) }
	inAny := func(m proto.Message) *corev3.TypedExtensionConfig {
		return &corev3.TypedExtensionConfig{Name: "x", TypedConfig: packed(t, m)}
	}
	const node = "type.googleapis.com/envoy.config.core.v3.Node"
	deep := structpb.NewStringValue("x")
	for range maxDepth/2 + 1 {
		deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
	}
	for _, test := range []struct {
		name string
		of   proto.Message
		raw  string
		want bool
	}{
		{"empty", &clusterv3.Cluster{}, "", true},
		{"fields", &clusterv3.Cluster{}, text(&clusterv3.Cluster{Name: "a", ConnectTimeout: durationpb.New(5e9), IgnoreHealthOnHostRemoval: true}), true},
		{"in Any", &corev3.TypedExtensionConfig{}, text(inAny(&corev3.Node{Id: "n"})), true},
		{"empty Any", &corev3.TypedExtensionConfig{}, text(&corev3.TypedExtensionConfig{TypedConfig: &anypb.Any{}}), true},
		{"numbers", &routev3.RetryPolicy{}, text(&routev3.RetryPolicy{RetriableStatusCodes: []uint32{503, 504}}), true},
		{"map in order", &structpb.Struct{}, field(1, field(1, "a")+field(2, "")) + field(1, field(1, "b")+field(2, "")), true},

		{"map not in order", &structpb.Struct{}, field(1, field(1, "b")+field(2, "")) + field(1, field(1, "a")+field(2, "")), false},
		{"key twice", &structpb.Struct{}, field(1, field(1, "a")+field(2, "")) + field(1, field(1, "a")+field(2, "")), false},
		{"key behind the value", &structpb.Struct{}, field(1, field(1, "a")+field(2, "")) + field(1, field(2, "")+field(1, "b")), false},
		{"unknown field", &clusterv3.Cluster{}, field(500, "x"), false},
		{"unknown field with a large number", &clusterv3.Cluster{}, field(100_000, "x"), false},
		{"unknown field in Any", &corev3.TypedExtensionConfig{}, field(2, field(1, node)+field(2, field(500, "x"))), false},
		{"unknown number", &clusterv3.Cluster{}, string(protowire.AppendVarint(protowire.AppendTag(nil, 15, protowire.VarintType), 1)), false},
		{"other type", &clusterv3.Cluster{}, string(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)), false},
		{"numbers as text", &clusterv3.Cluster{}, field(2, "x"), false},
		{"broken numbers", &routev3.RetryPolicy{}, field(7, "\xff"), false},
		{"not UTF-8", &clusterv3.Cluster{}, field(1, "\xff"), false},
		{"cut off", &clusterv3.Cluster{}, field(1, "abc")[:4], false},
		{"field twice", &clusterv3.Cluster{}, field(1, "a") + field(1, "b"), false},
		{"oneof twice", &corev3.DataSource{}, field(1, "a") + field(3, "b"), false},
		{"Any of an unknown type", &corev3.TypedExtensionConfig{}, field(2, field(1, "type.googleapis.com/x.None")), false},
		{"Any without a type", &corev3.TypedExtensionConfig{}, field(2, field(2, "x")), false},
		{"Any with two values", &corev3.TypedExtensionConfig{}, field(2, field(1, node)+field(2, "")+field(2, "")), false},
		{"Any with an unknown field", &corev3.TypedExtensionConfig{}, field(2, field(1, node)+field(3, "x")), false},
		{"Any with a wrong value", &corev3.TypedExtensionConfig{}, field(2, field(1, node)+field(2, "x")), false},
		{"TypedStruct", &corev3.TypedExtensionConfig{}, text(inAny(&xdstypev3.TypedStruct{TypeUrl: node})), false},
		{"too deep", &structpb.Value{}, text(deep), false},
		{"secret", &tlsv3.TlsCertificate{}, text(&tlsv3.TlsCertificate{PrivateKey: &corev3.DataSource{}}), false},
		{"group", &clusterv3.Cluster{}, "\x0b\x0c", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.want, clean(test.of, []byte(test.raw)))
			_, redacted := slowly(test.of, []byte(test.raw))
			require.False(t, redacted && test.want)
		})
	}
}

// FuzzClean: a clean message has nothing to remove, and decodes to the same content.
func FuzzClean(f *testing.F) {
	of := func() []proto.Message {
		return []proto.Message{&clusterv3.Cluster{}, &routev3.RouteConfiguration{}, &tlsv3.Secret{}, &corev3.TypedExtensionConfig{}, &structpb.Struct{}}
	}
	certificate, _ := anypb.New(&tlsv3.TlsCertificate{Password: &corev3.DataSource{}})
	f.Add(uint8(3), must(proto.Marshal(&corev3.TypedExtensionConfig{Name: "a", TypedConfig: certificate})))
	f.Add(uint8(0), must(proto.Marshal(&clusterv3.Cluster{Name: "a", Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"a": {}, "b": {}}}})))
	f.Add(uint8(1), must(proto.Marshal(&routev3.RouteConfiguration{Name: "a", VirtualHosts: []*routev3.VirtualHost{{Name: "b", RetryPolicy: &routev3.RetryPolicy{RetriableStatusCodes: []uint32{1, 2}}}}})))
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		m := of()[int(kind)%len(of())]
		if !clean(m, raw) {
			return
		}
		out, redacted := slowly(proto.Clone(m), raw)
		require.False(t, redacted)
		was, is := proto.Clone(m), proto.Clone(m)
		require.NoError(t, proto.Unmarshal(raw, was))
		require.NoError(t, proto.Unmarshal(out, is))
		require.True(t, proto.Equal(was, is))
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
