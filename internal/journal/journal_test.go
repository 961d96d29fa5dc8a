package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

const secret = "SECRET-private-key"

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

func list(t testing.TB, k mutator.Kind, messages ...proto.Message) engine.Resources {
	t.Helper()
	out := engine.Resources{Kind: k}
	for _, m := range messages {
		out.Encoded = append(out.Encoded, encode(t, m))
	}
	return out
}

// hosts returns a route configuration of a Gateway.
func hosts(t testing.TB, gateway string) engine.Resources {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"namespace": "default", "name": gateway}}})
	require.NoError(t, err)
	md := &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": s}}
	return list(t, mutator.KindRouteConfiguration, &routev3.RouteConfiguration{Name: "rc", VirtualHosts: []*routev3.VirtualHost{{Name: "vh", Metadata: md}}})
}

// translation returns a call of a Gateway with a cluster and a secret.
func translation(t testing.TB, gateway, cluster string) *engine.Call {
	t.Helper()
	key := &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: secret}}
	return &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{[]byte(`{"kind":"X"}`)}, Resources: []engine.Resources{
		list(t, mutator.KindCluster, withMaps(t, &clusterv3.Cluster{Name: cluster}, true)),
		list(t, mutator.KindSecret, &tlsv3.Secret{Name: "s", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{PrivateKey: key}}}),
		hosts(t, gateway),
	}}
}

// withMaps adds maps, which Go encodes in random order, with inAny also inside an Any.
func withMaps(t testing.TB, c *clusterv3.Cluster, inAny bool) *clusterv3.Cluster {
	t.Helper()
	options := map[string]*anypb.Any{}
	for i := range 8 {
		md := &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"x": {}}}
		for k := range 8 {
			if inAny {
				md.FilterMetadata[fmt.Sprint(k)] = &structpb.Struct{}
			}
		}
		options[fmt.Sprint(i)] = &anypb.Any{TypeUrl: "type.googleapis.com/envoy.config.core.v3.Metadata", Value: encode(t, md)}
	}
	c.TypedExtensionProtocolOptions = options
	return c
}

func route(t testing.TB, name, prefix string) *engine.Call {
	t.Helper()
	return &engine.Call{Hook: mutator.HookRoute, Hostnames: []string{"example.com"}, Resources: []engine.Resources{
		list(t, mutator.KindRoute, &routev3.Route{Name: name, Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: prefix}}}),
	}}
}

type connection struct{}

func on(t testing.TB, n uint64) context.Context {
	return context.WithValue(t.Context(), connection{}, n)
}

func newJournal(limit int64) *Journal {
	return New(Config{Bytes: limit, Log: slog.New(slog.DiscardHandler), Connection: func(ctx context.Context) uint64 {
		n, _ := ctx.Value(connection{}).(uint64)
		return n
	}})
}

func answered(subject string) *engine.Response {
	return &engine.Response{Subject: func() string { return subject }, Outcomes: []*engine.Outcome{{Kind: mutator.KindCluster, Name: "c", Result: engine.Applied}}}
}

func ids(calls []recording.Meta) (out []string) {
	for _, c := range calls {
		out = append(out, fmt.Sprintf("%s of %s for %s ×%d", c.ID, c.Translation, c.Gateway, c.Count))
	}
	return out
}

func TestTranslationAndItsSingles(t *testing.T) {
	j, began := newJournal(1<<20), time.Now().Add(-time.Second)
	failed := errors.New("the call failed")
	j.Keep(on(t, 1), route(t, "r1", "/a"), answered("r1"), nil, began)
	j.Keep(on(t, 2), route(t, "other", "/a"), answered("other"), nil, began)
	j.Keep(on(t, 1), route(t, "r2", "/b"), answered("r2"), nil, began)
	j.Keep(on(t, 1), translation(t, "eg", "c"), answered("default/eg"), failed, began)
	calls, err := j.Recorded(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, calls, 4)
	var metas []recording.Meta
	for _, c := range calls {
		metas = append(metas, c.Meta)
	}
	require.Equal(t, []string{"1.1 of 1 for default/eg ×1", "1.2 of 1 for default/eg ×1", "1 of  for default/eg ×1", " of  for  ×1"}, ids(metas))
	require.Equal(t, route(t, "r2", "/b"), calls[1].Call)
	m := calls[2].Meta
	require.Equal(t, 1, m.Redacted)
	require.Equal(t, 1, m.Changed)
	require.Equal(t, "the call failed", m.Error)
	require.GreaterOrEqual(t, m.Took.Duration, time.Second)
	require.True(t, m.First.Equal(began))

	want, got := translation(t, "eg", "c"), &clusterv3.Cluster{}
	require.Equal(t, want.Objects, calls[2].Objects)
	require.NoError(t, proto.Unmarshal(calls[2].Resources[0].Encoded[0], got))
	require.Equal(t, "c", got.GetName())
	require.Len(t, got.GetTypedExtensionProtocolOptions(), 8)
	require.NotContains(t, string(calls[2].Resources[1].Encoded[0]), secret)
	one, err := j.Call(t.Context(), "1.1")
	require.NoError(t, err)
	require.Equal(t, calls[0], one)
	none, err := j.Call(t.Context(), "7")
	require.NoError(t, err)
	require.Nil(t, none)
}

// TestSameIsCounted sends equal content, with maps in random order.
func TestSameIsCounted(t *testing.T) {
	j := newJournal(1 << 20)
	for range 5 {
		j.Keep(on(t, 1), route(t, "r", "/a"), answered("r"), nil, time.Now())
		j.Keep(on(t, 1), translation(t, "eg", "c"), answered("default/eg"), nil, time.Now())
		j.Flush(t.Context())
	}
	require.Equal(t, []string{"1.1 of 1 for default/eg ×5", "1 of  for default/eg ×5"}, ids(j.Calls(t.Context())))
	j.Keep(on(t, 1), translation(t, "eg", "c"), answered("default/eg"), nil, time.Now()) // without the route
	j.Keep(on(t, 1), translation(t, "other", "c"), answered("default/other"), nil, time.Now())
	require.Equal(t, []string{"1.1 of 1 for default/eg ×5", "1 of  for default/eg ×5", "2 of  for default/eg ×1", "3 of  for default/other ×1"}, ids(j.Calls(t.Context())))
	latest, err := j.Recorded(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, latest, 2)
	require.Zero(t, j.Stats().Dropped)
	require.EqualValues(t, 4, j.Stats().Calls)
}

// TestKnownResourcesAreNotDecoded: a resource that was sent before, with maps in any order, is not
// decoded again, and a resource with a secret is never mistaken for one without.
func TestKnownResourcesAreNotDecoded(t *testing.T) {
	r, known := newRedactor(), map[digest]digest{}
	cluster := func() []byte { return encode(t, withMaps(t, &clusterv3.Cluster{Name: "c"}, false)) }
	first := r.resource(mutator.KindCluster, cluster(), known)
	require.Equal(t, first.came, first.is)
	known[first.came] = first.is
	for range 10 {
		decoded(r).Reset()
		again := r.resource(mutator.KindCluster, cluster(), known)
		require.Equal(t, first.is, again.is)
		require.Empty(t, decoded(r).GetName(), "it was decoded")
	}
	raw := translation(t, "eg", "c").Resources[1].Encoded[0]
	for range 2 {
		s := r.resource(mutator.KindSecret, raw, known)
		require.NotContains(t, string(s.bytes), secret)
		require.True(t, s.redacted)
		known[s.came] = s.is
	}
}

// decoded returns the last cluster that was decoded.
func decoded(r *redactor) *clusterv3.Cluster {
	c, _ := r.kind(mutator.KindCluster).message.(*clusterv3.Cluster)
	return c
}

// TestLatestWaits: while the journal has no time, one call of each Gateway waits in memory.
func TestLatestWaits(t *testing.T) {
	j := newJournal(1 << 20)
	for i := range 100 {
		j.Keep(on(t, 1), route(t, "r", "/a"), answered("r"), nil, time.Now())
		for _, gateway := range []string{"a", "b"} {
			j.Keep(on(t, 1), translation(t, gateway, fmt.Sprint("c", i)), answered("default/"+gateway), nil, time.Now())
		}
	}
	require.Len(t, j.waiting.closed, 2)
	require.EqualValues(t, 297, j.Stats().Dropped)
	calls, err := j.Recorded(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, calls, 3)
	require.Contains(t, string(calls[1].Resources[0].Encoded[0]), "c99")
	require.Zero(t, j.waiting.bytes)
}

func TestWaitingIsBounded(t *testing.T) {
	j := New(Config{Bytes: 1 << 20, WaitingBytes: 1000, Log: slog.New(slog.DiscardHandler), Connection: func(context.Context) uint64 { return 1 }})
	large := strings.Repeat("x", 2000)
	j.Keep(t.Context(), translation(t, "a", large), answered("default/a"), nil, time.Now())
	require.Zero(t, j.Stats().Dropped, "one call always has room")
	j.Keep(t.Context(), route(t, "r", "/"), answered("r"), nil, time.Now())
	j.Keep(t.Context(), translation(t, "b", "c"), answered("default/b"), nil, time.Now())
	require.EqualValues(t, 2, j.Stats().Dropped)
	require.Len(t, j.Calls(t.Context()), 1)
	for i := range uint64(100) { // connections that close during a translation
		j.waiting.add(i, &taken{call: route(t, "r", "/")}, 1000)
	}
	require.Len(t, j.waiting.open, maxConnections)
}

// TestWithoutTranslation: calls for single resources are also kept if Envoy Gateway does not call
// the Translation hook.
func TestWithoutTranslation(t *testing.T) {
	j := newJournal(8 << 10)
	for i := range 3 {
		for _, name := range []string{"a", "b"} {
			j.Keep(on(t, 1), route(t, name, fmt.Sprint("/", name, i/2)), answered(name), nil, time.Now())
		}
		j.Flush(t.Context())
	}
	calls, err := j.Recorded(t.Context(), false)
	require.NoError(t, err)
	require.Len(t, calls, 2)
	require.Contains(t, string(calls[0].Resources[0].Encoded[0]), "/a1")
	require.Equal(t, 1, calls[0].Count)
	for i := range 1000 {
		j.Keep(on(t, 1), route(t, fmt.Sprint("r", i), "/"), answered("r"), nil, time.Now())
	}
	j.Flush(t.Context())
	size := 0
	for _, g := range j.waiting.open {
		size += g.size
		for _, s := range g.done.list {
			size -= s.size
		}
		require.LessOrEqual(t, g.size, 2<<10)
		require.NotEmpty(t, g.done.list)
	}
	require.Zero(t, size)
}

func TestKeptIsBounded(t *testing.T) {
	const limit = 20_000
	j := newJournal(limit)
	for i := range 200 {
		gateway := fmt.Sprint("g", i%3)
		j.Keep(on(t, 1), translation(t, gateway, fmt.Sprint("c", i)), answered("default/"+gateway), nil, time.Unix(int64(i), 0))
		j.Flush(t.Context())
		require.LessOrEqual(t, j.Stats().Bytes, uint64(limit))
	}
	for name, entries := range j.kept.gateways {
		require.LessOrEqual(t, len(entries), history, name)
		require.Greater(t, len(entries), 1, name)
	}
	require.Len(t, j.kept.gateways, 3)
	for i := range 200 { // more Gateways than fit
		gateway := fmt.Sprint("x", i)
		j.Keep(on(t, 1), translation(t, gateway, "c"), answered("default/"+gateway), nil, time.Unix(int64(1000+i), 0))
		j.Flush(t.Context())
		require.LessOrEqual(t, j.Stats().Bytes, uint64(limit))
	}
	calls := j.Calls(t.Context())
	require.Equal(t, "default/x199", calls[len(calls)-1].Gateway)
	require.Equal(t, "default/x198", calls[len(calls)-2].Gateway)

	small := newJournal(100)
	small.Keep(on(t, 1), translation(t, "eg", "c"), answered("default/eg"), nil, time.Now())
	require.Empty(t, small.Calls(t.Context()))
	require.EqualValues(t, 1, small.Stats().Dropped)
}

// TestPanic: calls on which the journal panics are dropped, and later calls are kept.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	j := newJournal(1 << 20)
	j.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	bad := translation(t, "eg", "c")
	bad.Resources[0].Kind = "unheard of"
	j.Keep(on(t, 1), bad, answered("default/eg"), nil, time.Now())
	j.Keep(on(t, 1), translation(t, "other", "c"), answered("default/other"), nil, time.Now())
	require.Len(t, j.Calls(t.Context()), 1)
	require.EqualValues(t, 1, j.Stats().Dropped)
	require.Contains(t, log.String(), "journal cannot keep calls")
}

// TestHostileBytes: a resource that cannot be decoded is not kept, because it cannot be searched
// for secrets.
func TestHostileBytes(t *testing.T) {
	j := newJournal(1 << 20)
	bad := translation(t, "eg", "c")
	bad.Resources[0].Encoded[0] = []byte("\xff" + secret)
	bad.Resources[2].Encoded = append(bad.Resources[2].Encoded, []byte("\x12\x7f"+secret))
	j.Keep(on(t, 1), bad, answered("default/eg"), errors.New("\xff"+strings.Repeat("é", 2000)), time.Now())
	calls, err := j.Recorded(t.Context(), false)
	require.NoError(t, err)
	require.Empty(t, calls[0].Resources[0].Encoded[0])
	require.Equal(t, 3, calls[0].Redacted)
	require.LessOrEqual(t, len(calls[0].Error), maxError)
	var b bytes.Buffer
	require.NoError(t, (&recording.Recording{Calls: calls}).WriteTar(&b))
	require.NotContains(t, b.String(), secret)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		j := newJournal(1 << 20)
		done := make(chan struct{})
		go func() { j.Run(ctx); close(done) }()
		j.Keep(ctx, translation(t, "eg", "c"), answered("default/eg"), nil, time.Now())
		synctest.Wait()
		require.Zero(t, j.Stats().Calls, "it rests first")
		time.Sleep(shortestRest) //nolint:forbidigo // the clock is synctest's
		synctest.Wait()
		require.EqualValues(t, 1, j.Stats().Calls)
		j.Keep(ctx, translation(t, "other", "c"), answered("default/other"), nil, time.Now())
		calls, err := j.Recorded(ctx, false)
		require.NoError(t, err)
		require.Len(t, calls, 2, "a reader does not wait")
		cancel()
		<-done
	})
}
