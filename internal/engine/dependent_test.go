package engine_test

import (
	"context"
	"errors"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// referringTo returns a cluster that refers to another one.
func referringTo(t *testing.T, name, to string) *clusterv3.Cluster {
	t.Helper()
	c := &clusterv3.Cluster{Name: name}
	require.NoError(t, use(c, to))
	return c
}

// TestAdditionsThatDependOnOthers: additions that refer to a missing one, directly or indirectly
// and in any order, are removed. The others are added.
func TestAdditionsThatDependOnOthers(t *testing.T) {
	base := &clusterv3.Cluster{Name: "base", LbPolicy: -1}
	mid, top, fine := referringTo(t, "mid", "base"), referringTo(t, "top", "mid"), &clusterv3.Cluster{Name: "fine"}
	secret := &tlsv3.Secret{Name: "a secret"}
	for _, order := range [][]*clusterv3.Cluster{{top, mid, base, fine}, {mid, top, base, fine}, {fine, base, mid, top}} {
		for _, there := range [][][]byte{nil, {encode(t, eds("x"))}} {
			add := func() (mutator.Additions, error) {
				return mutator.Additions{Clusters: order, Secrets: []*tlsv3.Secret{secret}}, nil
			}
			var lists []engine.Resources
			if there != nil {
				lists = append(lists, engine.Resources{Kind: mutator.KindCluster, Encoded: there})
			}
			res, err := translate(t, add, lists...)
			require.NoError(t, err)
			require.Equal(t, append(there[:len(there):len(there)], encode(t, fine)), res.Resources[0].Encoded)
			require.Equal(t, [][]byte{encode(t, secret)}, res.Resources[1].Encoded)
			for _, o := range res.Outcomes {
				switch {
				case o.Name == "fine" || o.Kind == mutator.KindSecret:
					require.Equal(t, engine.Added, o.Result)
				case o.Name == "mid":
					require.EqualError(t, o.Err, `the addition refers to "base", which is not added`)
				case o.Name == "top":
					require.EqualError(t, o.Err, `the addition refers to "mid", which is not added`)
				}
				require.Equal(t, o.Err == nil, o.Result == engine.Added)
			}
		}
	}
}

// TestAdditionsOfAFeatureThatMustNotFail: with the failure policy Fail, failed additions fail the
// call.
func TestAdditionsOfAFeatureThatMustNotFail(t *testing.T) {
	f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Fail, Additions: adder(func() (mutator.Additions, error) {
		return mutator.Additions{}, errors.New("no")
	})}
	e, err := engine.New([]mutator.Feature{f})
	require.NoError(t, err)
	_, err = runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation})
	require.EqualError(t, err, "feature f: additions: no")
}

// TestAdditionBesideABrokenOne: an addition differs from a cluster of its name that cannot be
// decoded.
func TestAdditionBesideABrokenOne(t *testing.T) {
	added := &clusterv3.Cluster{Name: "added"}
	add := func() (mutator.Additions, error) {
		return mutator.Additions{Clusters: []*clusterv3.Cluster{added}}, nil
	}
	res, err := translate(t, add, engine.Resources{Kind: mutator.KindCluster, Encoded: [][]byte{append(encode(t, added), 0xff)}})
	require.NoError(t, err)
	require.Equal(t, engine.NameConflict, res.Outcomes[0].Result)
}

// TestStillReferring: a resource that still has a dangling reference after its mutators failed is
// denied, whatever their failure policy is, since Envoy would reject it.
func TestStillReferring(t *testing.T) {
	both := mutator.Feature{Name: "both", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore}
	edit(&both, func(c *clusterv3.Cluster) {
		if c.GetName() == "a" {
			require.NoError(t, use(c, "/run/a"))
		}
	})
	invalid := func(names []string) (mutator.Additions, error) {
		a := clustersNamed(names...)
		a.Clusters[0].LbPolicy = -1
		return a, nil
	}
	e, err := engine.New([]mutator.Feature{agents{invalid, mutator.Ignore}.feature(), both})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "/run/a", 2001)}, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a")), encode(t, eds("b"))}},
	}})
	require.NoError(t, err)
	require.True(t, proto.Equal(denied(t, eds("a")), decoded(t, eds("a"), res.Resources[0].Encoded[0])))
	require.True(t, proto.Equal(eds("b"), decoded(t, eds("b"), res.Resources[0].Encoded[1])))
	requireOutcome(t, res, "agents", "a", true, mutator.Deny, `refers to "/run/a", which is not added: the addition is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values`)
	require.Equal(t, mutator.ApplyFailed, res.Policies[0].Reason)
}

// leads returns a feature with the failure policy Ignore that changes routes from one cluster to
// another one.
func leads(name, from, to string) mutator.Feature {
	f := mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore}
	edit(&f, func(rc *routev3.RouteConfiguration) {
		if a := rc.GetVirtualHosts()[0].GetRoutes()[0].GetRoute(); a.GetCluster() == from {
			a.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: to}
		}
	})
	return f
}

// TestStillLeadingNowhere has a mutator that adds a dangling reference once another one has failed
// for its own.
func TestStillLeadingNowhere(t *testing.T) {
	clusters := engine.Resources{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}}
	for name, c := range map[string]struct {
		features []mutator.Feature
		clusters []engine.Resources
		want     *routev3.RouteConfiguration
	}{
		"there":            {[]mutator.Feature{leads("f", "b", "a")}, []engine.Resources{clusters}, leading(configuration("x"), "a")},
		"nowhere":          {[]mutator.Feature{leads("f", "b", "gone")}, []engine.Resources{clusters}, leading(configuration("x"), "b")},
		"nowhere again":    {[]mutator.Feature{leads("f", "b", "gone"), leads("g", "b", "lost")}, []engine.Resources{clusters}, nil},
		"nobody can tell":  {[]mutator.Feature{leads("f", "b", "gone")}, nil, leading(configuration("x"), "gone")},
		"another one does": {[]mutator.Feature{leads("f", "b", "gone"), leads("g", "b", "a")}, []engine.Resources{clusters}, leading(configuration("x"), "a")},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New(c.features)
			require.NoError(t, err)
			sent := encode(t, leading(configuration("x"), "b"))
			lists := append([]engine.Resources{{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{sent}}}, c.clusters...)
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: lists})
			require.NoError(t, err)
			got := decoded(t, &routev3.RouteConfiguration{}, res.Resources[0].Encoded[0]).(*routev3.RouteConfiguration)
			if c.want == nil {
				require.NotNil(t, got.GetVirtualHosts()[0].GetRoutes()[0].GetDirectResponse())
				require.Equal(t, []engine.Result{engine.Denied}, verdicts(res))
			} else {
				require.True(t, proto.Equal(c.want, got), "%v", got)
			}
			require.Equal(t, sent, lists[0].Encoded[0], "the call is not written to")
		})
	}
}

// TestEditAddsAChain: the routes of an added filter chain are checked on their own.
func TestEditAddsAChain(t *testing.T) {
	for hosts, err := range map[string]string{"y.com": "", "x.com": `the result is invalid: the domain "x.com" occurs twice, which Envoy rejects`} {
		f := mutator.Feature{}
		edit(&f, func(l *listenerv3.Listener) {
			more := listenerWith(t, configuration("x.com", hosts), "", `{"serverNames":["y"]}`)
			l.FilterChains = append(l.FilterChains, more.GetFilterChains()...)
		})
		o := runEdit(t, f, mutator.HookTranslation, mutator.KindListener, listenerWith(t, configuration("x.com"), "", `{"serverNames":["x"]}`))
		if err == "" {
			require.NoError(t, o.Err)
		} else {
			require.EqualError(t, o.Err, err)
		}
	}
}

// TestGrowthOfARouteAsLargeAsMayBe covers the limit and one byte more.
func TestGrowthOfARouteAsLargeAsMayBe(t *testing.T) {
	route := leading(configuration("x"), "c").GetVirtualHosts()[0].GetRoutes()[0]
	for bytes, ok := range map[int]bool{engine.MaxRouteGrowth: true, engine.MaxRouteGrowth + 1: false} {
		f := mutator.Feature{Routes: mutator.Func[*routev3.Route]{Do: func(_ context.Context, _ *mutator.Input, r *routev3.Route) error {
			r.Name = ""
			r.StatPrefix = string(make([]byte, bytes-4)) // minus tag and length
			return nil
		}}}
		require.Equal(t, ok, runEdit(t, f, mutator.HookRoute, mutator.KindRoute, route).Err == nil, bytes)
	}
}

// TestAdditionThatAnotherMakes: an addition of another feature also serves the feature that could
// not make it.
func TestAdditionThatAnotherMakes(t *testing.T) {
	invalid := func(names []string) (mutator.Additions, error) {
		a := clustersNamed(names...)
		a.Clusters[0].LbPolicy = -1
		return a, nil
	}
	valid := mutator.Feature{Name: "valid", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: adder(func() (mutator.Additions, error) {
		return clustersNamed("/run/a"), nil
	})}
	for _, features := range [][]mutator.Feature{{agents{invalid, mutator.Deny}.feature(), valid}, {valid, agents{invalid, mutator.Deny}.feature()}} {
		e, err := engine.New(features)
		require.NoError(t, err)
		res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "/run/a", 2001)}, Resources: []engine.Resources{
			{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}},
		}})
		require.NoError(t, err)
		requireOutcome(t, res, "agents", "a", false, mutator.Deny, "")
	}
}
