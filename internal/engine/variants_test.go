package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// fails returns a variant whose edit fails.
func fails(name string, onFailure mutator.FailurePolicy) func(*mutator.Input) *mutator.Variant {
	return func(*mutator.Input) *mutator.Variant {
		return &mutator.Variant{Name: name, OnFailure: onFailure, Edit: func(context.Context, *clusterv3.Cluster) error { return errors.New("broken") }}
	}
}

// TestVariantsOfTwoFeatures: a cluster is edited in place if all ways have the same variants of all
// features, and otherwise copied for each combination.
func TestVariantsOfTwoFeatures(t *testing.T) {
	one, two := "one", "two"
	both := func(a, b, cluster string) string { return xds.CopyName("one+two", a+"\x00"+b, cluster) }
	for name, c := range map[string]struct {
		one, two byGateway
		leads    [][2]string
		led      []string
		clusters map[string]string // names in statistics, which show the edits
		verdicts []engine.Result
	}{
		"none": {byGateway{}, byGateway{}, [][2]string{{"a", "c"}, {"b", "c"}}, []string{"c", "c"}, map[string]string{"c": ""}, nil},
		"in place": {
			byGateway{"a": appends("p"), "b": appends("p")},
			byGateway{"a": appends("q"), "b": appends("q")},
			[][2]string{{"a", "c"}, {"b", "c"}},
			[]string{"c", "c"},
			map[string]string{"c": "pq"},
			[]engine.Result{engine.Applied, engine.Applied},
		},
		"of one feature in place": {
			byGateway{},
			byGateway{"a": appends("q"), "b": appends("q")},
			[][2]string{{"a", "c"}, {"b", "c"}},
			[]string{"c", "c"},
			map[string]string{"c": "q"},
			[]engine.Result{engine.Applied},
		},
		"one for a way": {
			byGateway{"a": appends("p")},
			byGateway{"b": appends("q")},
			[][2]string{{"a", "c"}, {"b", "c"}, {"z", "c"}},
			[]string{xds.CopyName(one, "p", "c"), xds.CopyName(two, "q", "c"), "c"},
			map[string]string{"c": "", xds.CopyName(one, "p", "c"): "p", xds.CopyName(two, "q", "c"): "q"},
			[]engine.Result{engine.Applied, engine.Applied, engine.Added, engine.Added},
		},
		"a combination": {
			byGateway{"a": appends("p"), "b": appends("p")},
			byGateway{"b": appends("q"), "d": appends("q")},
			[][2]string{{"a", "c"}, {"b", "c"}, {"d", "c"}, {"b", "own"}},
			[]string{xds.CopyName(one, "p", "c"), both("p", "q", "c"), xds.CopyName(two, "q", "c"), "own"},
			map[string]string{"c": "", xds.CopyName(one, "p", "c"): "p", both("p", "q", "c"): "pq", xds.CopyName(two, "q", "c"): "q", "own": "pq"},
			[]engine.Result{engine.Applied, engine.Applied, engine.Applied, engine.Applied, engine.Added, engine.Added, engine.Added},
		},
		"variants of a feature": {
			byGateway{"a": appends("p"), "b": appends("q")},
			byGateway{},
			[][2]string{{"a", "c"}, {"b", "c"}},
			[]string{xds.CopyName(one, "p", "c"), xds.CopyName(one, "q", "c")},
			map[string]string{"c": "", xds.CopyName(one, "p", "c"): "p", xds.CopyName(one, "q", "c"): "q"},
			[]engine.Result{engine.Applied, engine.Added, engine.Added},
		},
		"variants of one name": {
			byGateway{"a": appends("p")},
			byGateway{"b": appends("p")},
			[][2]string{{"a", "c"}, {"b", "c"}},
			[]string{xds.CopyName(one, "p", "c"), xds.CopyName(two, "p", "c")},
			map[string]string{"c": "", xds.CopyName(one, "p", "c"): "p", xds.CopyName(two, "p", "c"): "p"},
			[]engine.Result{engine.Applied, engine.Applied, engine.Added, engine.Added},
		},
		"a copy for two ways": {
			byGateway{"a": appends("p"), "b": appends("p")},
			byGateway{},
			[][2]string{{"a", "c"}, {"b", "c"}, {"z", "c"}},
			[]string{xds.CopyName(one, "p", "c"), xds.CopyName(one, "p", "c"), "c"},
			map[string]string{"c": "", xds.CopyName(one, "p", "c"): "p"},
			[]engine.Result{engine.Applied, engine.Added},
		},
		"merged": {
			byGateway{"a": appends("p")},
			byGateway{"a": appends("q")},
			[][2]string{{"a", "backend/ns/c"}},
			[]string{both("p", "q", "backend/ns/c")},
			map[string]string{"backend/ns/c": "", both("p", "q", "backend/ns/c"): "pq"},
			[]engine.Result{engine.Applied, engine.Added},
		},
		"the first one fails and is ignored": {
			byGateway{"a": fails("p", mutator.Ignore)},
			byGateway{"a": appends("q")},
			[][2]string{{"a", "c"}, {"z", "c"}},
			[]string{both("p", "q", "c"), "c"},
			map[string]string{"c": "", both("p", "q", "c"): "q"},
			[]engine.Result{engine.Applied, engine.Added, engine.Ignored},
		},
		"the first one fails": {
			byGateway{"a": fails("p", "")},
			byGateway{"a": appends("q")},
			[][2]string{{"a", "c"}, {"z", "c"}},
			[]string{both("p", "q", "c"), "c"},
			map[string]string{"c": "", both("p", "q", "c"): "denied"},
			[]engine.Result{engine.Applied, engine.Denied},
		},
		"the second one fails": {
			byGateway{"a": appends("p")},
			byGateway{"a": fails("q", "")},
			[][2]string{{"a", "c"}, {"z", "c"}},
			[]string{both("p", "q", "c"), "c"},
			map[string]string{"c": "", both("p", "q", "c"): "denied"},
			[]engine.Result{engine.Applied, engine.Denied},
		},
		"copies of a pass before": {
			byGateway{"a": appends("p")}, byGateway{}, [][2]string{{"a", xds.CopyName(one, "p", "c")}}, []string{xds.CopyName(one, "p", "c")}, map[string]string{xds.CopyName(one, "p", "c"): ""}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{c.one.feature(one, mutator.Deny), c.two.feature(two, mutator.Deny)}, engine.WithCache(1<<20))
			require.NoError(t, err)
			var clusters [][]byte
			seen := map[string]bool{}
			for _, l := range c.leads {
				if !seen[l[1]] {
					seen[l[1]] = true
					clusters = append(clusters, encode(t, eds(l[1])))
				}
			}
			for range 2 { // again from the cache
				res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
					{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, c.leads...))}},
					{Kind: mutator.KindCluster, Encoded: clusters},
				}})
				require.NoError(t, err)
				require.Equal(t, c.led, ledTo(t, res.Resources[0].Encoded[0]))
				got := map[string]string{}
				for _, raw := range res.Resources[1].Encoded {
					m := decoded(t, &clusterv3.Cluster{}, raw).(*clusterv3.Cluster)
					got[m.GetName()] = m.GetAltStatName()
					if xds.IsDenied(m) {
						got[m.GetName()] = "denied"
					}
				}
				require.Equal(t, c.clusters, got)
				require.ElementsMatch(t, c.verdicts, verdicts(res))
			}
		})
	}
}

// TestCopyHasItsEndpoints: a copy gets the endpoints of the original with a short fetch timeout,
// and has its own statistics.
func TestCopyHasItsEndpoints(t *testing.T) {
	e, err := engine.New([]mutator.Feature{byGateway{"a": appends("")}.feature("one", ""), byGateway{"a": appends("p")}.feature("two", "")})
	require.NoError(t, err)
	c := eds("backend/x")
	c.EdsClusterConfig.EdsConfig, c.AltStatName = &corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{}}, "cluster.of.b"
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "backend/x"}))}},
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, c)}},
	}})
	require.NoError(t, err)
	got := decoded(t, c, res.Resources[1].Encoded[1]).(*clusterv3.Cluster)
	require.Equal(t, 50*time.Millisecond, got.GetEdsClusterConfig().GetEdsConfig().GetInitialFetchTimeout().AsDuration())
	require.Equal(t, "egraft/two/148de9c5a7a44d19/cluster_of_bp", got.GetAltStatName())
}

// TestVariantsThatCannotBeTold: if a feature panics, it fails on every cluster, and other features
// are unaffected.
func TestVariantsThatCannotBeTold(t *testing.T) {
	panics := byGateway{"a": appends("p"), "b": func(*mutator.Input) *mutator.Variant { panic("no") }}
	for policy, want := range map[mutator.FailurePolicy]string{mutator.Ignore: "q", mutator.Deny: "denied"} {
		e, err := engine.New([]mutator.Feature{panics.feature("one", policy), byGateway{"a": appends("q"), "b": appends("q")}.feature("two", mutator.Deny)})
		require.NoError(t, err)
		res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
			{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "c"}, [2]string{"b", "c"}))}},
			{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}},
		}})
		require.NoError(t, err)
		m := decoded(t, &clusterv3.Cluster{}, res.Resources[1].Encoded[0]).(*clusterv3.Cluster)
		require.Equal(t, want == "denied", xds.IsDenied(m))
		if want != "denied" {
			require.Equal(t, want, m.GetAltStatName())
		}
	}
}

// TestRejectedWays: only rejected ways are denied, with or without a variant.
func TestRejectedWays(t *testing.T) {
	rejects := func(name string) func(*mutator.Input) *mutator.Variant {
		return func(in *mutator.Input) *mutator.Variant {
			v := appends(name)(in)
			v.Reject = true
			return v
		}
	}
	e, err := engine.New([]mutator.Feature{byGateway{"a": appends("p"), "b": appends("p")}.feature("one", ""), byGateway{"a": rejects(""), "d": rejects("q")}.feature("two", "")})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "c"}, [2]string{"b", "c"}, [2]string{"d", "e"}, [2]string{"z", "f"}))}},
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}},
	}})
	require.NoError(t, err)
	require.Equal(t, []string{"denied", "c", "denied", "f"}, ledTo(t, res.Resources[0].Encoded[0]))
	require.Equal(t, "p", decoded(t, &clusterv3.Cluster{}, res.Resources[1].Encoded[0]).(*clusterv3.Cluster).GetAltStatName())
}

// TestVariantWithoutRoutes: without routes in the translation, the variant applies to all clusters
// that routes may use.
func TestVariantWithoutRoutes(t *testing.T) {
	e, err := engine.New([]mutator.Feature{byGateway{"": appends("p")}.feature("one", "")})
	require.NoError(t, err)
	route, other := eds("c"), eds("d")
	route.Metadata = madeOf(t, "HTTPRoute", "r")
	other.Metadata = madeOf(t, "TCPRoute", "r")
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, route), encode(t, other)}}}})
	require.NoError(t, err)
	for i, want := range []string{"p", ""} {
		require.Equal(t, want, decoded(t, route, res.Resources[0].Encoded[i]).(*clusterv3.Cluster).GetAltStatName(), fmt.Sprint(i))
	}
}

// TestCopyOfARenamedName: a copy must not have the received name of a renamed cluster, under which
// that may be kept.
func TestCopyOfARenamedName(t *testing.T) {
	name := xds.CopyName("f", "p", "c")
	e, err := engine.New([]mutator.Feature{renames{name: "new"}.feature(), byGateway{"a": appends("p")}.feature("f", "")})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c")), encode(t, dns(name))}},
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "c"}, [2]string{"z", "c"}))}},
	}})
	require.NoError(t, err)
	require.Len(t, res.Resources[0].Encoded, 2)
	require.Equal(t, []engine.Result{engine.Applied, engine.Applied, engine.NameConflict}, verdicts(res))
}
