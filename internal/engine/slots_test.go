package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// asking is a mutator of clusters that counts calls of Plan and runs. It has no plan for clusters
// whose names start with "no", fails on those with "bad", and has a plan for "maybe" only if it has
// metadata.
type asking struct {
	asked, ran *atomic.Int64
	to         func(*mutator.Input) string
}

func (a asking) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	a.asked.Add(1)
	if c.Name() == "maybe" && len(c.References()) == 0 || strings.HasPrefix(c.Name(), "no") {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{CacheKey: new(a.to(in)), Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		a.ran.Add(1)
		if strings.HasPrefix(c.GetName(), "bad") {
			return fmt.Errorf("it is bad")
		}
		c.AltStatName = a.to(in)
		return nil
	}}
}

// TestSlots makes a call, and another one that may differ. A resource at the same position is
// served from the cache without calling Plan, and everything else is as without the first call.
func TestSlots(t *testing.T) {
	list := func(names ...string) (encoded [][]byte) {
		for _, name := range names {
			encoded = append(encoded, deterministic(t, &clusterv3.Cluster{Name: name, Metadata: named(t, "route-"+name)}))
		}
		return encoded
	}
	const all = "abcdefgh"
	names := strings.Split(all, "")
	bare := func(name string) []byte { return deterministic(t, &clusterv3.Cluster{Name: name}) }
	with := func(i int, name string) []string {
		other := slices.Clone(names)
		other[i] = name
		return other
	}
	type call struct {
		clusters  [][]byte
		hostname  string // part of the input
		hostOfAll string // metadata of a virtual host
	}
	for name, c := range map[string]struct {
		first, second call
		asked, ran    int64 // in the second call
	}{
		"the same":               {call{list(names...), "", ""}, call{list(names...), "", ""}, 0, 0},
		"one is changed":         {call{list(names...), "", ""}, call{list(with(3, "x")...), "", ""}, 1, 1},
		"one is as another":      {call{list(names...), "", ""}, call{list(with(3, "a")...), "", ""}, 1, 0},
		"two change places":      {call{list(names...), "", ""}, call{list("b", "a", "c", "d", "e", "f", "g", "h"), "", ""}, 0, 0},
		"two are far apart":      {call{list(names...), "", ""}, call{list("h", "b", "c", "d", "e", "f", "g", "a"), "", ""}, 2, 0},
		"one moves to the front": {call{list(names...), "", ""}, call{list("h", "a", "b", "c", "d", "e", "f", "g"), "", ""}, 1, 0},
		"one is before all":      {call{list(names...), "", ""}, call{list("x", "a", "b", "c", "d", "e", "f", "g", "h"), "", ""}, 1, 1},
		"two are before all":     {call{list(names...), "", ""}, call{list("x", "y", "a", "b", "c", "d", "e", "f", "g", "h"), "", ""}, 10, 2},
		"the first is missing":   {call{list(names...), "", ""}, call{list(names[1:]...), "", ""}, 0, 0},
		"unwanted ones move":     {call{list("no", "no more", "a"), "", ""}, call{list("a", "no", "no more"), "", ""}, 1, 0},
		"one is behind all":      {call{list(names...), "", ""}, call{list("a", "b", "c", "d", "e", "f", "g", "h", "x"), "", ""}, 1, 1},
		"one is missing":         {call{list(names...), "", ""}, call{list(names[:7]...), "", ""}, 0, 0},
		"nothing was there":      {call{list(), "", ""}, call{list(names...), "", ""}, 8, 8},
		"nobody wants one":       {call{list(with(3, "no")...), "", ""}, call{list(with(3, "no")...), "", ""}, 0, 0},
		"nobody wants it more":   {call{list(names...), "", ""}, call{list(with(3, "no")...), "", ""}, 1, 0},
		"nobody wants another":   {call{list(with(3, "no")...), "", ""}, call{list(with(3, "no other")...), "", ""}, 1, 0},
		"it is wanted now":       {call{list(with(3, "no")...), "", ""}, call{list(names...), "", ""}, 1, 1},
		"its name tells all":     {call{list("a", "no"), "", ""}, call{[][]byte{list("a")[0], bare("no")}, "", ""}, 0, 0},
		"its name is not all":    {call{[][]byte{bare("maybe")}, "", ""}, call{list("maybe"), "", ""}, 1, 1},
		"other input, unwanted":  {call{list("no"), "one", ""}, call{list("no"), "two", ""}, 1, 0},
		"one without a name":     {call{list(""), "", ""}, call{list(""), "", ""}, 1, 1},
		"one fails":              {call{list(with(3, "bad")...), "", ""}, call{list(with(3, "bad")...), "", ""}, 1, 1},
		"other input":            {call{list(names...), "one", ""}, call{list(names...), "two", ""}, 8, 8},
		"other routes, no more":  {call{list(names...), "", "one"}, call{list(names...), "", "two"}, 8, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := asking{&atomic.Int64{}, &atomic.Int64{}, func(in *mutator.Input) string { return "to " + in.Hostnames[0] }}
			run := func(e *Engine, c call) *Response {
				vh := &routev3.VirtualHost{Name: "h", Metadata: named(t, c.hostOfAll)}
				in := translationOf(deterministic(t, vh))
				in.Hostnames = []string{c.hostname}
				in.Resources = append(in.Resources, Resources{mutator.KindCluster, c.clusters})
				res, err := e.Run(t.Context(), in)
				require.NoError(t, err)
				return res
			}
			engine := func(options ...Option) *Engine {
				f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore, Clusters: a}
				e, err := New([]mutator.Feature{f}, options...)
				require.NoError(t, err)
				return e
			}
			e := engine(WithCache(1 << 20))
			run(e, c.first)
			for _, raw := range c.first.clusters {
				clear(raw) // nothing of a call is retained
			}
			for range 2 { // the result of the second one is cached, too
				want := run(engine(), c.second)
				a.asked.Store(0)
				a.ran.Store(0)
				got := run(e, c.second)
				require.Equal(t, c.asked, a.asked.Load(), "asked")
				require.Equal(t, c.ran, a.ran.Load(), "ran")
				require.Equal(t, want.Resources, got.Resources)
				require.Equal(t, want.Outcomes, got.Outcomes)
				require.Equal(t, want.failures, got.failures)
				if name != "one fails" && name != "one without a name" {
					c.asked, c.ran = 0, 0
				}
			}
		})
	}
}

// TestContentCounts: the positions of maps in cached content count towards the size.
func TestContentCounts(t *testing.T) {
	bytesOf := func(vh *routev3.VirtualHost) (cached, encoded uint64) {
		e, err := New(nil, WithCache(1<<20))
		require.NoError(t, err)
		raw := deterministic(t, vh)
		require.NotZero(t, e.putWhole(nil, raw))
		return e.CacheStats().Bytes, uint64(len(raw))
	}
	withMaps, encoded := bytesOf(hostOf(t))
	without, length := bytesOf(&routev3.VirtualHost{Name: "h"})
	require.Greater(t, withMaps-encoded, without-length)
}

// TestHostsAreReadOnce: a virtual host at the same position is not read again, in any order of its
// maps.
func TestHostsAreReadOnce(t *testing.T) {
	e, err := New(nil, WithCache(1<<20))
	require.NoError(t, err)
	read, plain := 0, e.hosts.plain
	e.hosts.plain = func() *wire.Mask { read++; return plain() }
	for range 2 {
		for _, encoded := range orders(t, hostOf(t)) {
			e.configs(translationOf(encoded))
		}
	}
	require.Equal(t, 1, read)
	other := hostOf(t)
	other.Domains = []string{"other"}
	for _, encoded := range orders(t, other) {
		e.configs(translationOf(encoded))
	}
	require.Equal(t, 2, read)
}

// TestHostsInAnotherOrder: virtual hosts in another order are not read again, and the call has the
// same state, so that no mutator plans clusters again: Envoy Gateway changes the order with the path
// of any route.
func TestHostsInAnotherOrder(t *testing.T) {
	a := asking{&atomic.Int64{}, &atomic.Int64{}, func(*mutator.Input) string { return "" }}
	e, err := New([]mutator.Feature{{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: a}}, WithCache(1<<20))
	require.NoError(t, err)
	read, plain := atomic.Int64{}, e.hosts.plain // hosts are read in parallel
	e.hosts.plain = func() *wire.Mask { read.Add(1); return plain() }
	rc := &routev3.RouteConfiguration{Name: "rc"}
	for _, name := range []string{"c", "b", "a", "e", "d"} {
		vh := hostOf(t)
		vh.Name = name
		rc.VirtualHosts = append(rc.VirtualHosts, vh)
	}
	call := func() *Response {
		res, err := e.Run(t.Context(), &Call{Hook: mutator.HookTranslation, Resources: []Resources{
			{mutator.KindCluster, [][]byte{deterministic(t, &clusterv3.Cluster{Name: "c"})}},
			{mutator.KindRouteConfiguration, [][]byte{deterministic(t, rc)}},
		}})
		require.NoError(t, err)
		return res
	}
	call()
	require.EqualValues(t, 5, read.Load())
	require.EqualValues(t, 1, a.asked.Load())
	slices.Reverse(rc.VirtualHosts)
	require.Equal(t, deterministic(t, rc), call().Resources[1].Encoded[0])
	require.EqualValues(t, 5, read.Load())
	require.EqualValues(t, 1, a.asked.Load())
	rc.VirtualHosts[0].Metadata = named(t, "another route")
	call()
	require.EqualValues(t, 6, read.Load())
	require.EqualValues(t, 2, a.asked.Load(), "another state")
}

// TestChangedHostsAreReadOnce: the cache distinguishes a virtual host as sent from the same one as
// changed by a mutator.
func TestChangedHostsAreReadOnce(t *testing.T) {
	f := mutator.Feature{
		Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation},
		RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{Do: func(_ context.Context, _ *mutator.Input, rc *routev3.RouteConfiguration) error {
			rc.VirtualHosts[0].Domains = []string{"changed"}
			return nil
		}},
	}
	e, err := New([]mutator.Feature{f}, WithCache(1<<20))
	require.NoError(t, err)
	read, plain := 0, e.hosts.plain
	e.hosts.plain = func() *wire.Mask { read++; return plain() }
	valid := func() *routev3.VirtualHost {
		vh := hostOf(t)
		for _, r := range vh.GetRoutes() {
			r.Match = &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
		}
		return vh
	}
	marked := valid()
	marked.Routes[0].Metadata = xds.SetMetadataEntry(marked.Routes[0].GetMetadata(), xds.MetadataEntry{Key: "k", Value: "v"})
	want := valid()
	want.Domains = []string{"changed"}
	for _, encoded := range orders(t, marked) {
		res, err := e.Run(t.Context(), translationOf(encoded))
		require.NoError(t, err)
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], rc))
		require.True(t, proto.Equal(want, rc.GetVirtualHosts()[0]), rc)
	}
	require.Equal(t, 2, read, "as sent and as changed")
}

func deterministic(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return raw
}

// TestUnwantedTakeMemory: the names of resources without a plan count towards the size.
func TestUnwantedTakeMemory(t *testing.T) {
	bytesOf := func(clusters int) uint64 {
		a := asking{&atomic.Int64{}, &atomic.Int64{}, func(*mutator.Input) string { return "" }}
		e, err := New([]mutator.Feature{{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: a}}, WithCache(1<<20))
		require.NoError(t, err)
		in := translationOf(deterministic(t, hostOf(t)))
		raw := deterministic(t, &clusterv3.Cluster{Name: "no"})
		in.Resources = append(in.Resources, Resources{mutator.KindCluster, slices.Repeat([][]byte{raw}, clusters)})
		_, err = e.Run(t.Context(), in)
		require.NoError(t, err)
		return e.CacheStats().Bytes
	}
	require.GreaterOrEqual(t, bytesOf(1001), bytesOf(1)+1000*64)
}

// TestTheSameIsNotPutAgain: a call without changes does not change the cache.
func TestTheSameIsNotPutAgain(t *testing.T) {
	a := asking{&atomic.Int64{}, &atomic.Int64{}, func(*mutator.Input) string { return "" }}
	e, err := New([]mutator.Feature{{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: a}}, WithCache(1<<20))
	require.NoError(t, err)
	var puts []uint64
	for range 3 {
		in := translationOf(deterministic(t, hostOf(t)))
		in.Resources = append(in.Resources, Resources{mutator.KindCluster, [][]byte{deterministic(t, &clusterv3.Cluster{Name: "a"})}})
		_, err = e.Run(t.Context(), in)
		require.NoError(t, err)
		puts = append(puts, e.CacheStats().Puts)
	}
	require.NotZero(t, puts[0])
	require.Equal(t, []uint64{puts[0], puts[0], puts[0]}, puts)
}
