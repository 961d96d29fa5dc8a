package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// leaf is a virtual host with one route, its cluster, and the Gateway that it belongs to.
type leaf struct{ host, cluster, gateway, path string }

// renamesByInput renames clusters of rules with an even number, to a name that depends on the call.
type renamesByInput struct{}

func (renamesByInput) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	number, ok := strings.CutPrefix(c.Name(), "rule/")
	if !ok || strings.Contains("1357", number) {
		return nil
	}
	to := in.Hostnames[0] + "/" + number
	return &mutator.Plan[*clusterv3.Cluster]{CacheKey: &to, Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		c.Name = to
		return nil
	}}
}

// moves are the changes between two calls, each of which may move other resources.
var moves = []func(r *rand.Rand, all []leaf) []leaf{
	func(_ *rand.Rand, all []leaf) []leaf { return all },
	func(r *rand.Rand, all []leaf) []leaf {
		all[r.IntN(len(all))].path = fmt.Sprint("/", r.IntN(3))
		return all
	},
	func(r *rand.Rand, all []leaf) []leaf { all[r.IntN(len(all))].gateway = gatewayOf(r); return all },
	func(r *rand.Rand, all []leaf) []leaf { all[r.IntN(len(all))].cluster = clusterOf(r); return all },
	func(r *rand.Rand, all []leaf) []leaf {
		at := r.IntN(len(all))
		moved := all[at]
		all = slices.Delete(all, at, at+1)
		return slices.Insert(all, r.IntN(len(all)+1), moved)
	},
	func(r *rand.Rand, all []leaf) []leaf {
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	},
	func(r *rand.Rand, all []leaf) []leaf {
		if len(all) == 1 {
			return all
		}
		at := r.IntN(len(all))
		return slices.Delete(all, at, at+1)
	},
	func(r *rand.Rand, all []leaf) []leaf {
		return slices.Insert(all, r.IntN(len(all)+1), leaf{fmt.Sprint("host", r.IntN(6)), clusterOf(r), gatewayOf(r), "/"})
	},
}

func gatewayOf(r *rand.Rand) string { return []string{"a", "b", "z"}[r.IntN(3)] }

// clusterOf returns the name of a cluster, of which there are few, so that hosts share them.
func clusterOf(r *rand.Rand) string {
	return []string{"service/ns/", "rule/"}[r.IntN(2)] + fmt.Sprint(r.IntN(8))
}

// TestSequencesOfCalls makes random sequences of calls: each response is the same as that of an
// engine without a cache, with any size of the cache.
func TestSequencesOfCalls(t *testing.T) {
	build := func(cache int64) *engine.Engine {
		variants := byGateway{"a": appends("A"), "b": appends("B")}
		e, err := engine.New([]mutator.Feature{variants.feature("variants", mutator.Deny), {Name: "renames", Hooks: []mutator.Hook{mutator.HookTranslation}, RenamesClusters: true, Clusters: renamesByInput{}}}, engine.WithCache(cache))
		require.NoError(t, err)
		return e
	}
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 0))
		cached := map[string]*engine.Engine{"large": build(1 << 20), "small": build(8 << 10)}
		input, all := "one", []leaf{{"host0", clusterOf(r), gatewayOf(r), "/"}}
		for step := range 60 {
			all = moves[r.IntN(len(moves))](r, all)
			if r.IntN(4) == 0 {
				input = []string{"one", "two"}[r.IntN(2)]
			}
			call := callOf(t, all, clusterOf(r))
			call.Hostnames = []string{input}
			want, err := build(0).Run(t.Context(), call)
			require.NoError(t, err)
			for size, e := range cached {
				got, err := e.Run(t.Context(), call)
				require.NoError(t, err)
				require.Equal(t, want.Resources, got.Resources, "%s cache, seed %d, step %d: %v", size, seed, step, all)
				require.Equal(t, want.Outcomes, got.Outcomes, "%s cache, seed %d, step %d: %v", size, seed, step, all)
			}
		}
	}
}

// callOf returns a translation with the virtual hosts in this order, and the clusters in the order
// of their first routes, as Envoy Gateway sends them. One cluster is absent.
func callOf(t *testing.T, all []leaf, absent string) *engine.Call {
	t.Helper()
	rc, there := &routev3.RouteConfiguration{Name: "rc"}, map[string]bool{absent: true}
	var clusters [][]byte
	for i, l := range all {
		rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{
			Name: l.host, Domains: []string{fmt.Sprint(l.host, ".", i)}, Metadata: madeOf(t, "Gateway", l.gateway),
			Routes: []*routev3.Route{{
				Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: l.path}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: l.cluster}}},
			}},
		})
		if !there[l.cluster] {
			there[l.cluster] = true
			clusters = append(clusters, encode(t, eds(l.cluster)))
		}
	}
	return &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: clusters},
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, rc)}},
	}}
}
