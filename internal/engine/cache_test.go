package engine

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// counted is a mutator that counts its runs.
type counted[T proto.Message] struct {
	runs *atomic.Int64
	key  func(*mutator.Input) string
	do   func(T) error
}

func (c counted[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[T] {
	return &mutator.Plan[T]{CacheKey: new(c.key(in)), Edit: func(_ context.Context, target T) error {
		c.runs.Add(1)
		return c.do(target)
	}}
}

func same(*mutator.Input) string { return "same" }

// runsOf runs calls with the same list, but different inputs, and returns how often the mutator
// ran.
func runsOf(t *testing.T, f mutator.Feature, runs *atomic.Int64, kind mutator.Kind, m proto.Message) int64 {
	t.Helper()
	f.Name, f.Hooks, f.FailurePolicy = "f", []mutator.Hook{mutator.HookTranslation}, mutator.Ignore
	e, err := New([]mutator.Feature{f}, WithCache(1<<20))
	require.NoError(t, err)
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	for i := range 3 {
		_, err := e.Run(t.Context(), &Call{Hook: mutator.HookTranslation, Hostnames: []string{fmt.Sprint(i)}, Resources: []Resources{{kind, [][]byte{raw}}}})
		require.NoError(t, err)
	}
	return runs.Load()
}

// TestWhatIsCached has mutators whose results are cached, and all kinds whose results are not.
func TestWhatIsCached(t *testing.T) {
	edit := func(c *clusterv3.Cluster) error { c.AltStatName = "edited"; return nil }
	cluster := &clusterv3.Cluster{Name: "c"}
	for name, c := range map[string]struct {
		key  func(*mutator.Input) string
		do   func(*clusterv3.Cluster) error
		runs int64
	}{
		"changed":           {same, edit, 1},
		"unchanged":         {same, func(*clusterv3.Cluster) error { return nil }, 1},
		"another key":       {func(in *mutator.Input) string { return in.Hostnames[0] }, edit, 3},
		"failed":            {same, func(*clusterv3.Cluster) error { return fmt.Errorf("no") }, 3},
		"invalid":           {same, func(c *clusterv3.Cluster) error { c.Name = ""; return nil }, 3},
		"not to be encoded": {same, func(c *clusterv3.Cluster) error { c.AltStatName = "\xff"; return nil }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			runs := &atomic.Int64{}
			f := mutator.Feature{Clusters: counted[*clusterv3.Cluster]{runs, c.key, c.do}}
			require.Equal(t, c.runs, runsOf(t, f, runs, mutator.KindCluster, cluster))
		})
	}
	t.Run("no key", func(t *testing.T) {
		runs := &atomic.Int64{}
		m := counted[*clusterv3.Cluster]{runs, same, edit}
		f := mutator.Feature{Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(ctx context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
			return m.Plan(in, nil).Edit(ctx, c)
		}}}
		require.EqualValues(t, 3, runsOf(t, f, runs, mutator.KindCluster, cluster))
	})
	t.Run("secret", func(t *testing.T) {
		runs := &atomic.Int64{}
		f := mutator.Feature{Secrets: counted[*tlsv3.Secret]{runs, same, func(*tlsv3.Secret) error { return nil }}}
		require.EqualValues(t, 3, runsOf(t, f, runs, mutator.KindSecret, &tlsv3.Secret{Name: "s"}))
	})
}

// orders encodes a message repeatedly and returns all different encodings, since Go encodes maps in
// random order.
func orders(t *testing.T, m proto.Message) [][]byte {
	t.Helper()
	seen := map[string]bool{}
	var encodings [][]byte
	for range 1000 {
		raw, err := proto.Marshal(m)
		require.NoError(t, err)
		if !seen[string(raw)] {
			seen[string(raw)] = true
			encodings = append(encodings, raw)
		}
	}
	require.Greater(t, len(encodings), 2)
	return encodings
}

// named returns metadata as Envoy Gateway sets it.
func named(t *testing.T, name string) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "HTTPRoute", "namespace": "shop", "name": name}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}

// TestAnyOrderOfMapsIsCached: Envoy Gateway encodes maps in random order in each call.
func TestAnyOrderOfMapsIsCached(t *testing.T) {
	for name, edit := range map[string]func(*clusterv3.Cluster) error{
		"changed":   func(c *clusterv3.Cluster) error { c.AltStatName = "edited"; return nil },
		"unchanged": func(*clusterv3.Cluster) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			runs := &atomic.Int64{}
			f := mutator.Feature{
				Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore,
				Clusters: counted[*clusterv3.Cluster]{runs, same, edit},
			}
			e, err := New([]mutator.Feature{f}, WithCache(1<<20))
			require.NoError(t, err)
			want := &clusterv3.Cluster{Name: "c", Metadata: named(t, "route")}
			for _, raw := range orders(t, want) {
				res, err := e.Run(t.Context(), &Call{Hook: mutator.HookTranslation, Resources: []Resources{{mutator.KindCluster, [][]byte{raw}}}})
				require.NoError(t, err)
				answered := res.Resources[0].Encoded[0]
				if name == "unchanged" {
					require.Equal(t, raw, answered, "the bytes it came in")
				}
				got := &clusterv3.Cluster{}
				require.NoError(t, proto.Unmarshal(answered, got))
				require.Equal(t, name == "changed", got.GetAltStatName() == "edited")
				got.AltStatName = ""
				require.True(t, proto.Equal(want, got))
			}
			require.EqualValues(t, 1, runs.Load())
			require.EqualValues(t, 1, e.CacheStats().Misses)
		})
	}
}

// hostOf returns a virtual host with every kind of reference to clusters, and more fields.
func hostOf(t *testing.T) *routev3.VirtualHost {
	t.Helper()
	to := func(name string, a *routev3.RouteAction) *routev3.Route {
		return &routev3.Route{Name: name, Match: &routev3.RouteMatch{}, Metadata: named(t, "route"), Action: &routev3.Route_Route{Route: a}}
	}
	return &routev3.VirtualHost{Name: "h", Domains: []string{"*"}, Metadata: named(t, "host"), Routes: []*routev3.Route{
		to("one", &routev3.RouteAction{
			ClusterSpecifier:      &routev3.RouteAction_Cluster{Cluster: "a"},
			RequestMirrorPolicies: []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "b"}},
		}),
		to("two", &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
			Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "c"}, {Name: "d"}},
		}}}),
		{Name: "none", Metadata: named(t, "route"), Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}},
	}}
}

// translationOf returns a call with one virtual host.
func translationOf(host []byte) *Call {
	m := &wire.Message{}
	m.Add(1, []byte("name"))
	m.Add(virtualHosts, host)
	return &Call{Hook: mutator.HookTranslation, Resources: []Resources{{mutator.KindRouteConfiguration, [][]byte{m.Append(nil)}}}}
}

// TestRoutesAreReadOnce: the state of a call is reused if the references to clusters are the same,
// in any encoding and with any other change to a route.
func TestRoutesAreReadOnce(t *testing.T) {
	mark := func(r *routev3.Route, value string) {
		r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), xds.MetadataEntry{Key: "k", Value: value})
	}
	for name, c := range map[string]struct {
		edit func(*routev3.VirtualHost)
		same bool
	}{
		"nothing":     {func(*routev3.VirtualHost) {}, true},
		"path":        {func(vh *routev3.VirtualHost) { vh.Routes[0].Match.PathSpecifier = &routev3.RouteMatch_Path{Path: "/"} }, true},
		"domains":     {func(vh *routev3.VirtualHost) { vh.Domains = append(vh.Domains, "b") }, true},
		"metadata":    {func(vh *routev3.VirtualHost) { vh.Metadata = named(t, "other") }, false},
		"cluster":     {func(vh *routev3.VirtualHost) { vh.Routes[0].GetRoute().ClusterSpecifier = nil }, false},
		"weighted":    {func(vh *routev3.VirtualHost) { vh.Routes[1].GetRoute().GetWeightedClusters().Clusters[0].Name = "e" }, false},
		"mirror":      {func(vh *routev3.VirtualHost) { vh.Routes[0].GetRoute().RequestMirrorPolicies[0].Cluster = "e" }, false},
		"mark":        {func(vh *routev3.VirtualHost) { mark(vh.Routes[0], "v") }, false},
		"other mark":  {func(vh *routev3.VirtualHost) { mark(vh.Routes[0], "w") }, false},
		"mark on two": {func(vh *routev3.VirtualHost) { mark(vh.Routes[2], "w") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(nil, WithCache(1<<20))
			require.NoError(t, err)
			vh, edited := hostOf(t), hostOf(t)
			c.edit(edited)
			prepared := map[*callState]bool{}
			for _, m := range []*routev3.VirtualHost{vh, edited} {
				for _, host := range orders(t, m) {
					call := translationOf(host)
					configs := e.configs(call)
					prepared[e.prepare(t.Context(), call, configs)] = true
					require.Equal(t, xds.NewVirtualHostIndex(m), configs[0].hosts[0].reach())
				}
			}
			if c.same {
				require.Len(t, prepared, 1)
			} else {
				require.Len(t, prepared, 2)
			}
		})
	}
}

// TestPreparedKeepsNoCall: the state kept for the next call does not retain the bytes of this one.
func TestPreparedKeepsNoCall(t *testing.T) {
	e, err := New(nil, WithCache(1<<20))
	require.NoError(t, err)
	freed := make(chan struct{})
	func() {
		call := translationOf(orders(t, hostOf(t))[0])
		runtime.AddCleanup(&call.Resources[0].Encoded[0][0], func(struct{}) { close(freed) }, struct{}{})
		_, err := e.Run(t.Context(), call)
		require.NoError(t, err)
	}()
	require.Eventually(t, func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	}, 10*time.Second, 10*time.Millisecond)
	require.EqualValues(t, 4, e.CacheStats().Entries, "the virtual host, what counts of it, its slot, and the input")
}

// TestMemoryIsFlat runs calls with ever new content and compares the heap after half of them with
// the heap after all.
func TestMemoryIsFlat(t *testing.T) {
	const limit = 1 << 20
	f := mutator.Feature{
		Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation},
		Clusters: counted[*clusterv3.Cluster]{&atomic.Int64{}, same, func(c *clusterv3.Cluster) error { c.AltStatName = "edited"; return nil }},
	}
	e, err := New([]mutator.Feature{f}, WithCache(limit))
	require.NoError(t, err)
	ballast := strings.Repeat("x", 1000)
	calls := func(from int) uint64 {
		for call := from; call < from+50; call++ {
			list := Resources{Kind: mutator.KindCluster}
			for i := range 100 {
				raw, err := proto.Marshal(&clusterv3.Cluster{Name: fmt.Sprint(ballast, call, i)})
				require.NoError(t, err)
				list.Encoded = append(list.Encoded, raw)
			}
			_, err := e.Run(t.Context(), &Call{Hook: mutator.HookTranslation, Resources: []Resources{list}})
			require.NoError(t, err)
		}
		e.CacheStats() // evicts entries
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	half := calls(0)
	require.Less(t, calls(50), half+2*limit, "5,000 clusters of 3 kB more")
}

// TestOrderOfManyResources has enough resources for all CPUs, some of which fail.
func TestOrderOfManyResources(t *testing.T) {
	f := mutator.Feature{
		Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation},
		Clusters: counted[*clusterv3.Cluster]{&atomic.Int64{}, same, func(c *clusterv3.Cluster) error {
			if strings.HasSuffix(c.GetName(), "7") {
				return fmt.Errorf("seven")
			}
			c.AltStatName = c.GetName()
			return nil
		}},
	}
	list := Resources{Kind: mutator.KindCluster}
	for i := range 5000 {
		raw, err := proto.Marshal(&clusterv3.Cluster{Name: fmt.Sprint(i)})
		require.NoError(t, err)
		list.Encoded = append(list.Encoded, raw)
	}
	call := &Call{Hook: mutator.HookTranslation, Resources: []Resources{list}}
	e, err := New([]mutator.Feature{f}, WithCache(1<<20))
	require.NoError(t, err)
	for range 2 {
		res, err := e.Run(t.Context(), call)
		require.NoError(t, err)
		require.Len(t, res.Outcomes, len(list.Encoded))
		for i, raw := range res.Resources[0].Encoded {
			c := &clusterv3.Cluster{}
			require.NoError(t, proto.Unmarshal(raw, c))
			require.Equal(t, fmt.Sprint(i), c.GetName())
			require.Equal(t, c.GetName(), res.Outcomes[i].Name)
			require.Equal(t, i%10 == 7, res.Outcomes[i].Result == Denied)
		}
	}
	f.FailurePolicy = mutator.Fail
	e, err = New([]mutator.Feature{f})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), call)
	require.EqualError(t, err, `Translation hook: mutator f on Cluster "7": seven`)
	require.Len(t, res.Outcomes, 8, "those before the first failure, and that")
}

// TestSpreadPanics: a panic on another goroutine does not end the process.
func TestSpreadPanics(t *testing.T) {
	require.Panics(t, func() {
		parallel(1000, 1, func() (func(int), func()) { return func(i int) { panic(i) }, func() {} })
	})
}

// TestKeys: keys that differ in any field have different entries.
func TestKeys(t *testing.T) {
	b := func(s string) []byte { return []byte(s) }
	areApart(t, resourceKey{"h", "k", b("p"), b("c")}, resourceKey{"x", "k", b("p"), b("c")},
		resourceKey{"h", "x", b("p"), b("c")}, resourceKey{"h", "k", b("x"), b("c")}, resourceKey{"h", "k", b("p"), b("x")},
		resourceKey{"hk", "", b("p"), b("c")}, resourceKey{"h", "k", nil, b("pc")}, resourceKey{"h", "k", b("pc"), nil})
	areApart(t, callKey{1, b("c")}, callKey{2, b("c")}, callKey{1, b("x")})
	areApart(t, objectKey{b("a")}, objectKey{b("b")}, objectKey{})
	areApart(t, copyKey{"n", b("p"), b("c")}, copyKey{"x", b("p"), b("c")}, copyKey{"n", b("x"), b("c")}, copyKey{"n", b("p"), b("x")},
		copyKey{"np", nil, b("c")}, copyKey{"n", nil, b("pc")})
	areApart(t, hostKey{false, b("c")}, hostKey{true, b("c")}, hostKey{false, b("x")})
	areApart(t, wholeHostKey{b("c")}, wholeHostKey{b("x")})
	areApart(t, hostSlotsKey{asSent, "n"}, hostSlotsKey{asChanged, "n"}, hostSlotsKey{asSent, "x"})
	areApart(t, releasedKey{1, nil}, releasedKey{1, []string{"a", "b"}}, releasedKey{1, []string{"a", "x"}}, releasedKey{2, nil})
}

// TestInputKey has calls that differ in every part of an input.
func TestInputKey(t *testing.T) {
	of := func(edit func(*Call)) *Call {
		c := &Call{
			Hook: mutator.HookTranslation, Hostnames: []string{"a"}, Objects: [][]byte{[]byte("o")},
			Resources: []Resources{{mutator.KindCluster, [][]byte{[]byte("c")}}},
		}
		edit(c)
		return c
	}
	configOf := func(name string, ids ...uint64) config {
		c := config{parts: parts{name: name}}
		for _, id := range ids {
			c.hosts = append(c.hosts, &host{id: id})
		}
		return c
	}
	plain := of(func(*Call) {})
	areApart(t,
		inputKey{call: plain},
		inputKey{call: of(func(c *Call) { c.Hook = mutator.HookCluster })},
		inputKey{call: of(func(c *Call) { c.Hostnames = nil })},
		inputKey{call: of(func(c *Call) { c.Hostnames = []string{"a", "o"} })},
		inputKey{call: of(func(c *Call) { c.Objects = nil })},
		inputKey{call: of(func(c *Call) { c.Objects = [][]byte{[]byte("oo")} })},
		inputKey{call: of(func(c *Call) { c.Objects = append(c.Objects, []byte("o")) })},
		inputKey{call: of(func(c *Call) { c.Hostnames, c.Objects = nil, [][]byte{[]byte("a"), []byte("o")} })},
		inputKey{call: of(func(c *Call) { c.Resources = nil })},
		inputKey{call: of(func(c *Call) { c.Resources[0].Kind = mutator.KindListener })},
		inputKey{plain, []config{configOf("n")}, false, nil},
		inputKey{plain, []config{configOf("n", 1)}, false, nil},
		inputKey{plain, []config{configOf("n", 2)}, false, nil},
		inputKey{plain, []config{configOf("n", 1, 2)}, false, nil},
		inputKey{plain, []config{configOf("n", 1), configOf("n", 2)}, false, nil},
		inputKey{plain, []config{configOf("x", 1)}, false, nil},
		inputKey{plain, []config{configOf("a", 1, 'b'), configOf("")}, false, nil},
		inputKey{plain, []config{configOf("a"), configOf("b", 0)}, false, nil},
		inputKey{plain, []config{configOf("a"), configOf("b", 0)}, true, nil},
		inputKey{plain, []config{configOf("a"), configOf("b", 0)}, true, []string{"p"}},
	)
}

func areApart[K cache.Key](t *testing.T, keys ...K) {
	t.Helper()
	c, err := cache.New(1 << 20)
	require.NoError(t, err)
	table := cache.NewTable[K, int](c)
	for i, key := range keys {
		require.Nil(t, table.Get(key), "%v", key)
		table.Put(key, i, 0)
	}
	for i, key := range keys {
		require.Equal(t, i, table.Get(key).Value, "%v", key)
	}
}
