package xdspatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// wide returns a cluster with many endpoints and much metadata.
func wide(t testing.TB, n int) proto.Message {
	var b strings.Builder
	b.WriteString("{name: " + strings.Repeat("a", 1000) + ", metadata: {filter_metadata: {")
	for i := range n / 10 {
		fmt.Fprintf(&b, "k%d: {a: %d}, ", i, i)
	}
	b.WriteString("}}, load_assignment: {endpoints: [")
	for i := range n {
		fmt.Fprintf(&b, "{priority: %d, lb_endpoints: [{endpoint: {hostname: h%d}}]},", i, i)
	}
	return message(t, read(t, ""), b.String()+"]}}")
}

// hostile are expressions that would run long or use much memory.
var hostile = map[string]string{
	"nested loops":        `self.load_assignment.endpoints.all(a, self.load_assignment.endpoints.all(b, self.load_assignment.endpoints.all(c, a.priority + b.priority + c.priority >= 0u)))`,
	"doubled text":        `['a'].map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x)[0].size() + int(self.name.size()) > 0`,
	"replaced text":       `self.name` + strings.Repeat(`.replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaa')`, 8) + ` == ''`,
	"joined text":         `self.load_assignment.endpoints.map(e, 'a').join(self.name) == ''`,
	"three fans":          `[0].map(a, [a` + strings.Repeat(", a", 99) + `]).map(a, [a` + strings.Repeat(", a", 99) + `]).map(a, [a` + strings.Repeat(", a", 99) + `]) == [[[[self.name != '' ? 1 : 2]]]]`,
	"hidden error":        `[0].map(a, [a` + strings.Repeat(", a", 99) + `]).map(a, [a` + strings.Repeat(", a", 99) + `]).map(a, [a` + strings.Repeat(", a", 99) + `]).size() > 3 || self.name != ''`,
	"doubled lists":       `[1].map(a, [a, a])` + strings.Repeat(`.map(a, [a, a])`, 40) + ` == [1].map(a, [a, a])` + strings.Repeat(`.map(a, [a, a])`, 40) + ` && self.name != ''`,
	"added lists":         `[[1]]` + strings.Repeat(`.map(a, a + a)`, 50) + ` == [[2]] && self.name != ''`,
	"doubled values":      `[google.protobuf.ListValue{}]` + strings.Repeat(`.map(a, google.protobuf.ListValue{values: [a, a]})`, 25) + ` == [[2]] && self.name != ''`,
	"doubled messages":    `[envoy.config.accesslog.v3.AndFilter{}]` + strings.Repeat(`.map(a, envoy.config.accesslog.v3.AndFilter{filters: [envoy.config.accesslog.v3.AccessLogFilter{and_filter: a}, envoy.config.accesslog.v3.AccessLogFilter{and_filter: a}]})`, 11) + `[0].filters.size() > 0 && self.name != ''`,
	"large comparisons":   `self.load_assignment.endpoints.all(a, self.load_assignment.endpoints == self.load_assignment.endpoints)`,
	"regular expressions": `self.load_assignment.endpoints.all(a, self.name.matches('(a*)*(a*)*(a*)*(a*)*b') == false)`,
}

func TestHostileExpressionsEnd(t *testing.T) {
	m := wide(t, 2000)
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			defer func() { require.Less(t, time.Since(begin), 5*time.Second) }()
			p, errs := xdspatch.Compile(&v1alpha1.XDSPatch{Select: v1alpha1.XDSSelect{Kind: v1alpha1.XDSCluster}, When: text, Remove: "name"}, field.NewPath("patch"))
			if len(errs) > 0 {
				t.Log(errs.ToAggregate())
				return
			}
			_, err := p.Matches(t.Context(), m, target)
			require.Error(t, err)
			if name == "replaced text" || name == "joined text" {
				require.EqualError(t, err, "evaluate when: a text of more than 64 KiB")
			}
		})
	}
}

func TestExpressionsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, when := range []string{"self.load_assignment.endpoints.all(a, a.priority >= 0u)", "self.respect_dns_ttl"} {
		_, err := compile(t, "when: "+when+"\nremove: name").Matches(ctx, wide(t, 2000), target)
		require.ErrorIs(t, err, context.Canceled, when)
	}
}

// endsLater is a context that ends after the first call of Err.
type endsLater struct{ asked bool }

func (*endsLater) Deadline() (time.Time, bool) { return time.Time{}, false }

func (*endsLater) Value(any) any { return nil }

func (c *endsLater) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (c *endsLater) Err() error {
	if c.asked {
		return context.DeadlineExceeded
	}
	c.asked = true
	return nil
}

func TestExpressionsEndWhileTheyRun(t *testing.T) {
	for _, when := range []string{"self.load_assignment.endpoints.all(a, a.priority >= 0u)", strings.Repeat("self.name != 'b' && ", 30) + "true"} {
		_, err := compile(t, "when: "+when+"\nremove: name").Matches(&endsLater{}, wide(t, 2000), target)
		require.ErrorIs(t, err, context.DeadlineExceeded, when)
	}
}

// TestErrorsDoNotQuoteTheMessage makes expressions fail on a secret value.
func TestErrorsDoNotQuoteTheMessage(t *testing.T) {
	for _, text := range []string{
		"int(self.name) == 1", "duration(self.name) == duration('1s')", "{'a': 1}[self.name] == 1", "timestamp(self.name) == timestamp('1970-01-01T00:00:00Z')", "bytes(self.name) == b'a' || 'a'.matches(self.name)",
	} {
		p := compile(t, "when: \""+text+"\"\nremove: name")
		_, err := p.Matches(t.Context(), message(t, read(t, ""), `{name: "s3cret("}`), target)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "s3cret", text)
	}
	for path, value := range map[string]string{"lb_policy": "self.name", "per_connection_buffer_limit_bytes": "uint(self.load_assignment.endpoints[0].priority) * 1000000000u", "connect_timeout": "self.metadata.filter_metadata['a'].b"} {
		err := compile(t, "set: {path: "+path+", expression: \""+value+"\"}").Apply(t.Context(), message(t, read(t, ""), `{name: s3cret, load_assignment: {endpoints: [{priority: 73}]}, metadata: {filter_metadata: {a: {b: s3cret}}}}`), target)
		require.Error(t, err, path)
		require.NotContains(t, err.Error(), "s3cret", path)
		require.NotContains(t, err.Error(), "73", path)
	}
}

// TestSameInputSameMessage repeats a patch whose result depends on maps.
func TestSameInputSameMessage(t *testing.T) {
	p := compile(t, `set: {path: "metadata.filter_metadata", expression: "{'a': {'x': 1, 'y': 2, 'z': 3}, 'b': {'v': 1}, 'c': {}}"}`)
	var first []byte
	for range 50 {
		m := message(t, read(t, ""), "{}")
		require.NoError(t, p.Apply(t.Context(), m, target))
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		require.NoError(t, err)
		if first == nil {
			first = b
		}
		require.True(t, slices.Equal(first, b))
	}
}

// TestSameAny patches an Any that contains a map, whose order protobuf does not guarantee.
func TestSameAny(t *testing.T) {
	const lua = "envoy.extensions.filters.http.lua.v3.Lua"
	p := compile(t, `set: {path: 'typed_extension_protocol_options["a"][@type=`+lua+`].stat_prefix', expression: "'b'"}`)
	var first []byte
	for range 30 {
		m := message(t, read(t, ""), `{typed_extension_protocol_options: {a: {"@type": type.googleapis.com/`+lua+`, source_codes: {a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {}, h: {}}}}}`)
		require.NoError(t, p.Apply(t.Context(), m, target))
		got := m.(*clusterv3.Cluster).GetTypedExtensionProtocolOptions()["a"].GetValue()
		if first == nil {
			first = got
		}
		require.True(t, slices.Equal(first, got))
	}
}

func TestLimits(t *testing.T) {
	nested := `{"@type": type.googleapis.com/envoy.config.core.v3.TcpKeepalive}`
	for range 30 {
		nested = `{"@type": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig, name: a, typed_config: ` + nested + `}`
	}
	var many strings.Builder
	for i := range 257 {
		fmt.Fprintf(&many, "k%d: {}, ", i)
	}
	for text, want := range map[string]string{
		"merge: {typed_extension_protocol_options: {a: " + nested + "}}":   "is nested more than 24 levels deep",
		"merge: {metadata: {filter_metadata: {" + many.String() + "}}}":    "Too many: 257: must have at most 256 items",
		"remove: name" + strings.Repeat("a", 1100):                         "must be UTF-8 of at most 1024 bytes",
		"when: true" + strings.Repeat(" ", 2100) + "&& true\nremove: name": "has more than 2048 bytes",
	} {
		require.Contains(t, compileError(t, text), want)
	}
}
