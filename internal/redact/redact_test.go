package redact

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"

	xdstypev3 "github.com/cncf/xds/go/xds/type/v3"

	_ "github.com/egraft/egraft/pkg/mutator/mutatortest" // all messages of Envoy's API
)

const (
	marker = "MARKER-of-a-secret"
	number = 31415926
)

// secrets returns messages of a type that each contain one secret and nothing else: one for each
// string, bytes and number in each of its sensitive fields.
func secrets(t protoreflect.MessageType) (out []protoreflect.Message) {
	fields := t.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); IsSensitive(f) {
			out = append(out, filled(t, f, nil)...)
		}
	}
	return out
}

// filled returns messages in which one field has a marker, one message for each possible place in the field.
func filled(t protoreflect.MessageType, f protoreflect.FieldDescriptor, in []protoreflect.FullName) (out []protoreflect.Message) {
	element := f
	if f.IsMap() {
		element = f.MapValue()
		if f.MapKey().Kind() == protoreflect.StringKind {
			m := t.New()
			mp := m.Mutable(f).Map()
			mp.Set(protoreflect.ValueOfString(marker).MapKey(), mp.NewValue())
			out = append(out, m)
		}
	}
	for _, v := range markers(t, f, element, in) {
		m := t.New()
		switch {
		case f.IsMap():
			key := f.MapKey().Default()
			if f.MapKey().Kind() == protoreflect.StringKind {
				key = protoreflect.ValueOfString("k")
			}
			m.Mutable(f).Map().Set(key.MapKey(), v)
		case f.IsList():
			m.Mutable(f).List().Append(v)
		default:
			m.Set(f, v)
		}
		out = append(out, m)
	}
	return out
}

// markers returns values for one element of a field.
func markers(t protoreflect.MessageType, f, element protoreflect.FieldDescriptor, in []protoreflect.FullName) (out []protoreflect.Value) {
	switch element.Kind() {
	case protoreflect.StringKind:
		return []protoreflect.Value{protoreflect.ValueOfString(marker)}
	case protoreflect.BytesKind:
		return []protoreflect.Value{protoreflect.ValueOfBytes([]byte(marker))}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return []protoreflect.Value{protoreflect.ValueOfInt32(number)}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return []protoreflect.Value{protoreflect.ValueOfInt64(number)}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return []protoreflect.Value{protoreflect.ValueOfUint32(number)}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return []protoreflect.Value{protoreflect.ValueOfUint64(number)}
	case protoreflect.MessageKind:
	default:
		return nil
	}
	d := element.Message()
	if count(in, d.FullName()) > 0 || len(in) > 5 {
		return nil
	}
	if d.FullName() == "google.protobuf.Any" {
		secret, _ := anypb.New(&corev3.Node{Id: marker})
		return []protoreflect.Value{protoreflect.ValueOfMessage(secret.ProtoReflect())}
	}
	inner, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil
	}
	for i := range d.Fields().Len() {
		for _, m := range filled(inner, d.Fields().Get(i), append(in, d.FullName())) {
			out = append(out, protoreflect.ValueOfMessage(m))
		}
	}
	return out
}

func count(in []protoreflect.FullName, name protoreflect.FullName) (n int) {
	for _, i := range in {
		if i == name {
			n++
		}
	}
	return n
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	require.NoError(t, err)
	return a
}

// places puts a message at the places where resources can contain any message.
func places(t *testing.T, m proto.Message) map[string]proto.Message {
	t.Helper()
	a := packed(t, m)
	text, err := protojson.Marshal(m)
	require.NoError(t, err)
	content := &structpb.Struct{}
	places := map[string]proto.Message{
		"itself":          m,
		"Any":             a,
		"oneof":           &corev3.TransportSocket{Name: "x", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: a}},
		"map":             &clusterv3.Cluster{TypedExtensionProtocolOptions: map[string]*anypb.Any{"x": a}},
		"list":            &listenerv3.Listener{FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: a}}}}}},
		"Any in Any":      packed(t, &corev3.TypedExtensionConfig{Name: "x", TypedConfig: a}),
		"Any of an Any":   packed(t, a),
		"of unknown type": &anypb.Any{TypeUrl: "type.googleapis.com/example.com.Unknown", Value: a.GetValue()},
	}
	if protojson.Unmarshal(text, content) == nil {
		places["TypedStruct"] = packed(t, &xdstypev3.TypedStruct{TypeUrl: a.GetTypeUrl(), Value: content})
		places["TypedStruct of unknown type"] = &xdstypev3.TypedStruct{TypeUrl: "example.com/Unknown", Value: content}
	}
	return places
}

// leaks reports whether a marker is in the output.
func leaks(t *testing.T, text []byte) bool {
	t.Helper()
	encoded := base64.StdEncoding.EncodeToString([]byte(marker))
	return bytes.Contains(text, []byte(marker)) || bytes.Contains(text, []byte(encoded[:20])) || bytes.Contains(text, []byte("31415926"))
}

// TestEverySensitiveField puts a marker into each sensitive field of each message of Envoy's API,
// at each place that the message can have in a resource.
func TestEverySensitiveField(t *testing.T) {
	types, messages := map[protoreflect.FullName]bool{}, 0
	protoregistry.GlobalTypes.RangeMessages(func(typ protoreflect.MessageType) bool {
		for _, secret := range secrets(typ) {
			types[typ.Descriptor().FullName()] = true
			for place, m := range places(t, secret.Interface()) {
				before := proto.Clone(m)
				raw, err := proto.Marshal(Message(m))
				require.NoError(t, err)
				require.False(t, leaks(t, raw), "%s: %s", place, secret)
				raw, redacted := Encoded(m.ProtoReflect().New().Interface(), encoded(t, m))
				require.True(t, redacted, "%s: %s", place, secret)
				require.False(t, leaks(t, raw), "%s: %s", place, secret)
				text, err := JSON(m)
				require.NoError(t, err, "%s: %s", place, secret)
				require.False(t, leaks(t, text), "%s: %s", place, text)
				require.True(t, proto.Equal(before, m), "the message was changed")
				messages++
			}
		}
		return true
	})
	for _, name := range []protoreflect.FullName{
		"envoy.extensions.transport_sockets.tls.v3.TlsCertificate", "envoy.extensions.transport_sockets.tls.v3.GenericSecret",
		"envoy.extensions.transport_sockets.tls.v3.TlsSessionTicketKeys", "envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider",
		"envoy.extensions.filters.http.basic_auth.v3.BasicAuth",
	} {
		require.True(t, types[name], name)
	}
	t.Logf("%d types with sensitive fields, %d messages", len(types), messages)
}

func TestShape(t *testing.T) {
	inline := func(s string) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: s}}
	}
	bytesOf := func(s string) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: []byte(s)}}
	}
	for _, test := range []struct {
		name string
		in   proto.Message
		want string
	}{
		{
			"certificate", &tlsv3.TlsCertificate{CertificateChain: inline("public"), PrivateKey: bytesOf("key"), Password: inline("p")},
			`{"certificate_chain":{"inline_string":"public"},"private_key":{"inline_bytes":"W3JlZGFjdGVkXQ=="},"password":{"inline_string":"[redacted]"}}`,
		},
		{
			"ticket keys", &tlsv3.TlsSessionTicketKeys{Keys: []*corev3.DataSource{bytesOf("a"), inline("b")}},
			`{"keys":[{"inline_bytes":"W3JlZGFjdGVkXQ=="},{"inline_string":"[redacted]"}]}`,
		},
		{
			"unknown type", &anypb.Any{TypeUrl: "type.googleapis.com/example.com.Unknown", Value: []byte("x")},
			`{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"[redacted] example.com.Unknown"}`,
		},
		{
			"malformed", &anypb.Any{TypeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster", Value: []byte{0xff}},
			`{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"[redacted] envoy.config.cluster.v3.Cluster"}`,
		},
		{
			"type that is no name", &anypb.Any{TypeUrl: "x/\xff y", Value: []byte("x")},
			`{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"[redacted]"}`,
		},
		{"empty Any", &anypb.Any{}, `{}`},
		{"no message", (*clusterv3.Cluster)(nil), `{}`},
		{"public", &clusterv3.Cluster{Name: "public"}, `{"name":"public"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := JSON(test.in)
			require.NoError(t, err)
			require.Equal(t, test.want, string(text))
		})
	}
	camel, err := CamelJSON(&clusterv3.Cluster{AltStatName: "x"})
	require.NoError(t, err)
	require.JSONEq(t, `{"altStatName":"x"}`, string(camel))
}

// TestDeep: endlessly nested messages exhaust neither the stack nor time.
func TestDeep(t *testing.T) {
	a := packed(t, &corev3.Node{Id: marker})
	for range 1000 {
		a = packed(t, a)
	}
	text, err := JSON(a)
	require.NoError(t, err)
	require.False(t, leaks(t, text))
	require.Contains(t, string(text), Text)
}

// TestUnknownFields: unknown fields are removed, because a newer API may define secrets there.
func TestUnknownFields(t *testing.T) {
	c := &clusterv3.Cluster{Name: "x"}
	c.ProtoReflect().SetUnknown([]byte{0xfa, 0xff, 0x03, 0x01, 'x'})
	require.Empty(t, Message(c).ProtoReflect().GetUnknown())
}

func FuzzMessage(f *testing.F) {
	f.Add("envoy.config.cluster.v3.Cluster", []byte{0xff})
	f.Add("xds.type.v3.TypedStruct", []byte{})
	f.Fuzz(func(t *testing.T, name string, value []byte) {
		if _, err := JSON(&anypb.Any{TypeUrl: "type.googleapis.com/" + name, Value: value}); err != nil && !strings.Contains(err.Error(), "google.protobuf") {
			t.Fatal(err)
		}
	})
}

func TestHide(t *testing.T) {
	content, err := structpb.NewStruct(map[string]any{marker: marker, "list": []any{number, marker, nil}})
	require.NoError(t, err)
	for _, m := range []proto.Message{
		content, structpb.NewNumberValue(number), &fieldmaskpb.FieldMask{Paths: []string{marker}}, durationpb.New(number * 1e9),
		&corev3.SocketAddress{Address: marker, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: number}},
	} {
		hide(m.ProtoReflect())
		text, err := JSON(m)
		require.NoError(t, err)
		require.False(t, leaks(t, text), "%s", text)
	}
}
