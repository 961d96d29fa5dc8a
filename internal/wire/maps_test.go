package wire_test

import (
	"bytes"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/wire"
)

// field encodes a field whose value is a message, bytes or a string.
func field(num protowire.Number, value ...string) string {
	return string(protowire.AppendString(protowire.AppendTag(nil, num, protowire.BytesType), strings.Join(value, "")))
}

// of encodes an entry of a Struct.
func of(key, value string) string { return field(1, field(1, key), field(2, field(3, value))) }

// TestSort sorts Structs, whose only field is a map.
func TestSort(t *testing.T) {
	a, b, empty := of("a", "1"), of("b", "22"), of("", "3")
	number := string(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 7))
	nested := func(in string) string { return field(1, field(1, "n"), field(2, field(5, in))) }
	long := of("b", strings.Repeat("x", 1000))
	for name, c := range map[string]struct{ in, want string }{
		"nothing":                {"", ""},
		"sorted":                 {a + b, a + b},
		"unsorted":               {b + a + empty, empty + a + b},
		"long":                   {long + a, a + long},
		"nested":                 {nested(b + a), nested(a + b)},
		"the last one counts":    {b + of("a", "first") + of("a", "last"), of("a", "first") + of("a", "last") + b},
		"an unknown field stays": {b + a + field(9, "?") + b + a, a + b + field(9, "?") + a + b},
		"a number stays":         {b + a + number + b + a, a + b + number + a + b},
		"an entry without a key": {b + field(1, field(2, "")) + a, b + field(1, field(2, "")) + a},
		"an entry of more":       {b + field(1, field(1, "a"), field(2, ""), field(3, "")), b + field(1, field(1, "a"), field(2, ""), field(3, ""))},
		"another key":            {b + field(1, field(3, "a"), field(2, "")), b + field(1, field(3, "a"), field(2, ""))},
		"another value":          {b + field(1, field(1, "a"), field(3, "")), b + field(1, field(1, "a"), field(3, ""))},
		"the value first":        {b + field(1, field(2, ""), field(1, "a")), b + field(1, field(2, ""), field(1, "a"))},
		"no message":             {b + a + "\x0a\x05", b + a + "\x0a\x05"},
	} {
		t.Run(name, func(t *testing.T) {
			got := []byte(c.in)
			wire.MapsOf(&structpb.Struct{}).Sort(got)
			require.Equal(t, c.want, string(got))
		})
	}
}

// TestSortWithoutEnd has nested lists, as deep as the maximum message size allows.
func TestSortWithoutEnd(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(16 << 20)) // beyond this the process exits
	b := make([]byte, 16<<20)
	at := len(b)
	for tags := []byte("\x0a\x32"); ; tags[0], tags[1] = tags[1], tags[0] { // ListValue.values, Value.list_value
		header := protowire.AppendVarint(tags[:1:1], uint64(len(b)-at))
		if len(header) > at {
			break
		}
		at -= len(header)
		copy(b[at:], header)
	}
	want := bytes.Clone(b[at:])
	wire.MapsOf(&structpb.Value{}).Sort(b[at:])
	wire.MapsOf(&structpb.ListValue{}).Sort(b[at:]) // one of the two is the outermost type
	require.True(t, bytes.Equal(want, b[at:]))
}

// TestSortLeavesBytes: a string that looks like a map, and the content of an Any, are not sorted.
func TestSortLeavesBytes(t *testing.T) {
	text := of("b", "1") + of("a", "2")
	for _, m := range []proto.Message{&clusterv3.Cluster{Name: text}, &corev3.Node{UserAgentName: text}} {
		raw := marshal(t, m)
		sorted := bytes.Clone(raw)
		wire.MapsOf(m).Sort(sorted)
		require.Equal(t, raw, sorted)
	}
}

// TestCanonical compares messages with one whose maps are sorted.
func TestCanonical(t *testing.T) {
	a, b, d := of("a", "1"), of("b", "2"), of("d", "4")
	nested := func(in string) string { return field(1, field(1, "n"), field(2, field(5, in))) }
	many := make([]string, 20)
	for i := range many {
		many[i] = of(string(rune('a'+i)), "x")
	}
	slices.Reverse(many)
	for name, c := range map[string]struct {
		of, encoded string
		want        bool
	}{
		"nothing":                      {"", "", true},
		"the same":                     {a + b, a + b, true},
		"another order":                {a + b + d, d + a + b, true},
		"another order of many":        {strings.Join(many, ""), a + strings.Join(many[:19], ""), false},
		"a third order of many":        {strings.Join(many, ""), strings.Join(append(many[1:20:20], many[0]), ""), true},
		"one less":                     {a + b, a, false},
		"the order of all of many":     {strings.Join(many, ""), strings.Join(slices.Sorted(slices.Values(many)), ""), true},
		"another value":                {a + b, b + of("a", "2"), false},
		"another key":                  {a + b, b + d, false},
		"one twice":                    {a + b, b + b, false},
		"one more":                     {a + b, b + a + d, false},
		"another length":               {a + of("b", "22"), of("b", "2") + of("a", "11"), false},
		"a key twice":                  {of("a", "1") + of("a", "2"), of("a", "2") + of("a", "1"), false},
		"a key twice in order":         {b + of("a", "1") + of("a", "2"), of("a", "1") + b + of("a", "2"), true},
		"within an entry":              {nested(a + b), nested(b + a), true},
		"within one of several":        {a + nested(b+a), nested(a+b) + a, true},
		"within one, another value":    {a + nested(b+a), nested(a+d) + a, false},
		"behind an unknown field":      {field(9, "?") + a + b, field(9, "?") + b + a, true},
		"across an unknown field":      {a + field(9, "?") + b, b + field(9, "?") + a, false},
		"another unknown field":        {field(9, "?") + a + b, field(9, "!") + b + a, false},
		"another unknown field behind": {a + b + field(9, "?"), b + a + field(9, "!"), false},
		"an entry without a key":       {field(1, field(2, "")) + a, a + field(1, field(2, "")), false},
		"no message":                   {a + b + "\x0a\x05", b + a + "\x0a\x05", false},
		"no message, the same":         {b + a + "\x0a\x05", b + a + "\x0a\x05", true},
		"no entries":                   {a + b, a[:len(a)-1] + "\xff" + b, false},
	} {
		t.Run(name, func(t *testing.T) {
			maps := wire.MapsOf(&structpb.Struct{})
			sorted, again := []byte(c.of), []byte(c.encoded)
			maps.Sort(sorted)
			canonical := maps.Canonical(sorted)
			again = slices.Clip(again)
			for _, scratch := range [][]byte{nil, make([]byte, 0, 1000)} {
				require.Equal(t, c.want, canonical.Is(again, scratch))
			}
			require.Equal(t, c.encoded, string(again), "it is not changed")
			maps.Sort(again)
			require.Equal(t, c.want, bytes.Equal(sorted, again))
		})
	}
}

// TestCanonicalOfSeveralMaps has several maps in one message and in nested messages.
func TestCanonicalOfSeveralMaps(t *testing.T) {
	options := map[string]*anypb.Any{"a": {TypeUrl: "x"}, "b": {TypeUrl: "y"}}
	match := func(name string) *clusterv3.Cluster_TransportSocketMatch {
		s, err := structpb.NewStruct(map[string]any{"a": name, "b": name, "c": map[string]any{"d": name, "e": name}})
		require.NoError(t, err)
		return &clusterv3.Cluster_TransportSocketMatch{Name: name, Match: s}
	}
	m := &clusterv3.Cluster{
		Name: "c", Metadata: metadata("r"), TypedExtensionProtocolOptions: options,
		TransportSocketMatches: []*clusterv3.Cluster_TransportSocketMatch{match("one"), match("two")},
	}
	maps, sorted := wire.MapsOf(m), marshal(t, m)
	maps.Sort(sorted)
	canonical := maps.Canonical(sorted)
	require.True(t, canonical.Is(sorted, nil))
	for range 200 {
		require.True(t, canonical.Is(marshal(t, m), nil))
	}
	m.TransportSocketMatches[1] = match("too")
	for range 20 {
		require.False(t, canonical.Is(marshal(t, m), nil))
	}
}
