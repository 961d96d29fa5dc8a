package wire_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/xds"
)

func metadata(name string) *corev3.Metadata {
	resource := structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{
		"kind": structpb.NewStringValue("HTTPRoute"), "name": structpb.NewStringValue(name),
	}})
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: {
		Fields: map[string]*structpb.Value{"resources": structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{resource}})},
	}}}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

// TestViewAgreesWithDecoding compares the view of each kind of resource with the decoded
// message.
func TestViewAgreesWithDecoding(t *testing.T) {
	for _, m := range []proto.Message{
		&clusterv3.Cluster{Name: "n", Metadata: metadata("r")},
		&listenerv3.Listener{Name: "n", Metadata: metadata("r")},
		&routev3.Route{Name: "n", Metadata: metadata("r")},
		&routev3.VirtualHost{Name: "n", Metadata: metadata("r")},
		&routev3.RouteConfiguration{Name: "n", Metadata: metadata("r")},
	} {
		t.Run(string(m.ProtoReflect().Descriptor().Name()), func(t *testing.T) {
			v := wire.NewView(wire.FieldNumbersOf(m), marshal(t, m))
			require.Equal(t, []xds.Reference{{Kind: "HTTPRoute", Name: "r"}}, v.References())
			require.Equal(t, "n", v.Name())
		})
	}
	for _, m := range []proto.Message{&endpointv3.ClusterLoadAssignment{ClusterName: "n"}, &tlsv3.Secret{Name: "n"}} {
		v := wire.NewView(wire.FieldNumbersOf(m), marshal(t, m))
		require.Equal(t, "n", v.Name())
		require.Empty(t, v.References())
	}
}

// TestViewMergesFields has name and metadata twice, which decoding merges.
func TestViewMergesFields(t *testing.T) {
	other := &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"other": {}}}
	for name, md := range map[string][2]*corev3.Metadata{
		"in the first part": {metadata("r"), other},
		"in the last part":  {other, metadata("r")},
	} {
		t.Run(name, func(t *testing.T) {
			twice := append(marshal(t, &clusterv3.Cluster{Name: "first", Metadata: md[0]}),
				marshal(t, &clusterv3.Cluster{Name: "last", Metadata: md[1]})...)
			v := wire.NewView(wire.FieldNumbersOf(&clusterv3.Cluster{}), twice)
			require.Equal(t, "last", v.Name())
			require.Equal(t, []xds.Reference{{Kind: "HTTPRoute", Name: "r"}}, v.References())
		})
	}
}

func TestMessage(t *testing.T) {
	m := &wire.Message{}
	m.Add(3, []byte("a"), []byte{})
	m.Add(70_000, []byte("b"))
	b := m.Append(nil)
	require.Len(t, b, m.Size())
	b = protowire.AppendTag(b, 9, protowire.VarintType)
	b = protowire.AppendVarint(b, 1)
	parsed, err := wire.Parse(b)
	require.NoError(t, err)
	require.Equal(t, m.Fields, parsed.Fields, "numbers are not kept, lists of bytes are")
	require.Equal(t, []byte("a"), parsed.Merged(3))
	require.Nil(t, parsed.Merged(4))
	require.NotNil(t, (&wire.Message{Fields: []wire.Field{{Number: 1, Value: []byte{}}}}).Merged(1), "empty is not absent")
}

// TestRoomForFields: the allocated capacity is close to the number of fields, whatever the first
// ones suggest.
func TestRoomForFields(t *testing.T) {
	many, few := &wire.Message{}, &wire.Message{}
	for range 10_000 {
		many.Add(1, bytes.Repeat([]byte{1}, 1000))
	}
	for range 100 {
		few.Add(1, nil)
	}
	few.Add(1, make([]byte, 16<<20))
	for _, m := range []*wire.Message{many, few} {
		parsed, err := wire.Parse(m.Append(nil))
		require.NoError(t, err)
		require.Len(t, parsed.Fields, len(m.Fields))
		require.Less(t, cap(parsed.Fields), 1000+len(m.Fields)*11/10)
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		"\x0a\x05ab": "read field 1: unexpected EOF",
		"\xff":       "read message: unexpected EOF",
	} {
		_, err := wire.Parse([]byte(in))
		require.EqualError(t, err, want)
	}
}

func TestReplace(t *testing.T) {
	m := &wire.Message{}
	m.Add(1, []byte("a"), []byte("b"))
	m.Add(2, []byte("c"))
	raw := protowire.AppendVarint(protowire.AppendTag(m.Append(nil), 9, protowire.VarintType), 1)
	keep := func(v []byte) []byte { return v }
	require.Same(t, &raw[0], &wire.Replace(raw, 1, keep)[0], "nothing is replaced")
	require.Same(t, &raw[0], &wire.Replace(raw, 3, func([]byte) []byte { return nil })[0], "no such field")

	want := &wire.Message{}
	want.Add(1, []byte("a"), []byte("longer"))
	want.Add(2, []byte("c"))
	got := wire.Replace(raw, 1, func(v []byte) []byte {
		if string(v) == "b" {
			return []byte("longer")
		}
		return v
	})
	require.Equal(t, protowire.AppendVarint(protowire.AppendTag(want.Append(nil), 9, protowire.VarintType), 1), got, "a number stays where it was")

	all := func([]byte) []byte { return []byte("x") }
	x := &wire.Message{}
	x.Add(1, []byte("x"), []byte("x"))
	x.Add(2, []byte("c"))
	require.Equal(t, x.Append(nil), wire.Replace(m.Append(nil), 1, all), "both")
	number := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7)
	require.Equal(t, append(x.Append(nil), number...), wire.Replace(append(m.Append(nil), number...), 1, all), "a number is no value")

	broken := append(m.Append(nil), 0x0a, 5)
	require.Equal(t, broken, wire.Replace(broken, 1, all), "what cannot be read is left alone")
}

// TestViewTellsIfTheNameSufficed reads less and more than the name.
func TestViewTellsIfTheNameSufficed(t *testing.T) {
	v := wire.NewView(wire.FieldNumbersOf(&clusterv3.Cluster{}), marshal(t, &clusterv3.Cluster{Name: "n", Metadata: metadata("r")}))
	require.False(t, v.OnlyNameRead())
	v.Name()
	require.True(t, v.OnlyNameRead())
	v.References()
	require.False(t, v.OnlyNameRead())
}

func TestViewReset(t *testing.T) {
	v := wire.NewView(wire.FieldNumbersOf(&clusterv3.Cluster{}), marshal(t, &clusterv3.Cluster{Name: "n", Metadata: metadata("r")}))
	require.Equal(t, "n", v.Name())
	require.Len(t, v.References(), 1)
	v.Reset(marshal(t, &clusterv3.Cluster{AltStatName: "no name"}))
	require.Empty(t, v.Name())
	require.Empty(t, v.References())
}

// TestAnswer sends responses that share values with the request and have others.
func TestAnswer(t *testing.T) {
	const few, many = 10, 2000 // with many, twenty values are sent without copying
	values := func(size int) (all [][]byte) {
		for i := range 20 {
			all = append(all, bytes.Repeat([]byte{byte('a' + i)}, size))
		}
		return all
	}
	for _, size := range []int{few, many} {
		all := values(size)
		for name, c := range map[string]struct {
			request, answer protowire.Number
			of              func([][]byte) [][]byte
			inPlace         bool // in one piece
		}{
			"all":                {2, 1, func(v [][]byte) [][]byte { return v }, true},
			"the same tag":       {2, 2, func(v [][]byte) [][]byte { return v }, true},
			"the last ones":      {2, 1, func(v [][]byte) [][]byte { return v[10:] }, true},
			"none":               {2, 1, func([][]byte) [][]byte { return nil }, false},
			"one is missing":     {2, 1, func(v [][]byte) [][]byte { return append(v[:10:10], v[11:]...) }, false},
			"one is another":     {2, 1, func(v [][]byte) [][]byte { return append(append(v[:10:10], []byte("new")), v[11:]...) }, false},
			"one is added":       {2, 1, func(v [][]byte) [][]byte { return append(append(v[:10:10], []byte("new")), v[10:]...) }, false},
			"one is empty":       {2, 1, func(v [][]byte) [][]byte { return append(append(v[:10:10], []byte{}), v[11:]...) }, false},
			"one is shorter":     {2, 1, func(v [][]byte) [][]byte { return append(append(v[:10:10], v[10][:5]), v[11:]...) }, false},
			"one is there twice": {2, 1, func(v [][]byte) [][]byte { return append(v[:10:10], v[9:]...) }, false},
			"another order":      {2, 1, func(v [][]byte) [][]byte { return append(v[10:20:20], v[:10]...) }, false},
			"a longer tag":       {2, 288, func(v [][]byte) [][]byte { return v }, false}, // its last byte is the shorter tag
			"a shorter tag":      {70, 1, func(v [][]byte) [][]byte { return v }, false},
			"all are others":     {2, 1, func(v [][]byte) [][]byte { return values(size) }, false},
		} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				in := &wire.Message{}
				in.Add(15, []byte("before"))
				in.Add(c.request, all...)
				in.Add(15, []byte("behind"))
				raw := in.Append(nil)
				request, err := wire.Parse(raw)
				require.NoError(t, err)
				answer := request.NewResponse()
				answer.Add(c.answer, c.of(request.All(c.request))...)
				want := &wire.Message{}
				want.Add(c.answer, c.of(all)...)
				data, err := wire.Codec().Marshal(answer)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want.Append(nil), data.Materialize()), "what is sent")
				require.Equal(t, in.Fields, request.Fields, "the values are what they were")
				if size == many && c.inPlace {
					require.Len(t, data, 1)
					sent := data[0].ReadOnlyData()
					at := bytes.Index(raw, sent)
					require.GreaterOrEqual(t, at, 0)
					require.Same(t, &raw[at], &sent[0])
				}
				data.Free()
			})
		}
	}
}

// TestAnswerWithTwoTags has a value twice with different tags, and an empty value after a zero that
// looks like its length.
func TestAnswerWithTwoTags(t *testing.T) {
	in := &wire.Message{}
	in.Add(2, bytes.Repeat([]byte{'a'}, 20_000), bytes.Repeat([]byte{0}, 20_000), []byte{}, []byte("b"))
	request, err := wire.Parse(in.Append(nil))
	require.NoError(t, err)
	values, answer, want := request.All(2), request.NewResponse(), &wire.Message{}
	for i, v := range []int{0, 2, 1, 3, 0} {
		num := protowire.Number(1 + i/4)
		answer.Add(num, values[v])
		want.Add(num, in.Fields[v].Value)
	}
	data, err := wire.Codec().Marshal(answer)
	require.NoError(t, err)
	require.True(t, bytes.Equal(want.Append(nil), data.Materialize()))
}

// TestParseAgreesWithProtowire parses bytes that are mostly valid fields.
func TestParseAgreesWithProtowire(t *testing.T) {
	read := func(b []byte) (fields []wire.Field, err error) {
		for len(b) > 0 {
			num, typ, n := protowire.ConsumeTag(b)
			if n < 0 {
				return nil, protowire.ParseError(n)
			}
			size := protowire.ConsumeFieldValue(num, typ, b[n:])
			if size < 0 {
				return nil, protowire.ParseError(size)
			}
			if typ == protowire.BytesType {
				value, _ := protowire.ConsumeBytes(b[n:])
				fields = append(fields, wire.Field{Number: num, Value: value})
			}
			b = b[n+size:]
		}
		return fields, nil
	}
	random := rand.New(rand.NewPCG(1, 2))
	number := func() uint64 { return random.Uint64() >> random.IntN(64) }
	wrong := 0
	for range 200_000 {
		var b []byte
		for range random.IntN(4) {
			b = protowire.AppendVarint(b, number()>>random.IntN(64)<<3|uint64(random.IntN(6)))
			switch random.IntN(3) {
			case 0:
				b = protowire.AppendVarint(b, number())
			case 1:
				b = protowire.AppendBytes(b, make([]byte, random.IntN(200)))
			default:
				b = protowire.AppendFixed64(b, number())
			}
		}
		b = b[:random.IntN(len(b)+1)]
		want, err := read(slices.Clip(b))
		got, gotErr := wire.Parse(slices.Clip(b))
		if err != nil {
			wrong++
			require.ErrorIs(t, gotErr, err, "%x", b)
			continue
		}
		require.NoError(t, gotErr, "%x", b)
		require.Equal(t, want, got.Fields, "%x", b)
		for _, f := range got.Fields {
			require.Len(t, f.Value, cap(f.Value), "what is appended to a value is not written into what follows it")
		}
	}
	require.Greater(t, wrong, 1000)
	require.Less(t, wrong, 199_000)
}
