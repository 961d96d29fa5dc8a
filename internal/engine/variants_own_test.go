package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// edits edits every route configuration.
type edits func(context.Context, *routev3.RouteConfiguration) error

func (e edits) Plan(*mutator.Input, mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	return &mutator.Plan[*routev3.RouteConfiguration]{Edit: e, CacheKey: new("edits")}
}

// withEdit returns a feature with variants and its own edit of route configurations.
func (v byGateway) withEdit(name string, onFailure mutator.FailurePolicy, edit edits) mutator.Feature {
	f := v.feature(name, onFailure)
	f.RouteConfigurations = edit
	return f
}

func removesHeader(_ context.Context, rc *routev3.RouteConfiguration) error {
	rc.RequestHeadersToRemove = []string{"x-gone"}
	return nil
}

// twoWays returns a translation in which routes of the Gateways a and z lead to the same cluster.
func twoWays(t *testing.T) *engine.Call {
	t.Helper()
	return &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "c"}, [2]string{"z", "c"}))}},
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}},
	}}
}

// isEdited reports whether a feature's own edit is in the route configuration of a response.
func isEdited(t *testing.T, res *engine.Response) bool {
	t.Helper()
	return len(decoded(t, &routev3.RouteConfiguration{}, res.Resources[0].Encoded[0]).(*routev3.RouteConfiguration).GetRequestHeadersToRemove()) > 0
}

// TestVariantsAndOwnEdit: a feature changes routes to copies and edits route configurations. A
// failure of one does not undo the other.
func TestVariantsAndOwnEdit(t *testing.T) {
	copied := xds.CopyName("one", "p", "c")
	led, unled, denied := []string{copied, "c"}, []string{"c", "c"}, []string{"denied", "denied"}
	for name, c := range map[string]struct {
		variants byGateway
		policy   mutator.FailurePolicy
		edit     edits
		led      []string
		edited   bool
		verdicts []engine.Result // on the route configuration
	}{
		"both": {byGateway{"a": appends("p")}, mutator.Ignore, removesHeader, led, true, []engine.Result{engine.Applied, engine.Applied}},
		"the edit finds where routes lead": {
			byGateway{"a": appends("p")},
			mutator.Ignore,
			func(ctx context.Context, rc *routev3.RouteConfiguration) error {
				if to := rc.GetVirtualHosts()[0].GetRoutes()[0].GetRoute().GetCluster(); to != copied {
					return errors.New("leads to " + to)
				}
				return removesHeader(ctx, rc)
			}, led, true,
			[]engine.Result{engine.Applied, engine.Applied},
		},
		"the edit changes nothing": {
			byGateway{"a": appends("p")},
			mutator.Ignore, func(context.Context, *routev3.RouteConfiguration) error { return nil },
			led, false,
			[]engine.Result{engine.Applied, engine.Unchanged},
		},
		"nothing to lead": {byGateway{}, mutator.Ignore, removesHeader, unled, true, []engine.Result{engine.Applied}},
		"the edit fails": {
			byGateway{"a": appends("p")},
			mutator.Ignore, func(context.Context, *routev3.RouteConfiguration) error { return errors.New("broken") },
			led, false,
			[]engine.Result{engine.Applied, engine.Ignored},
		},
		"the edit fails and denies": {
			byGateway{"a": appends("p")},
			mutator.Deny, func(context.Context, *routev3.RouteConfiguration) error { return errors.New("broken") },
			denied, false,
			[]engine.Result{engine.Applied, engine.Denied},
		},
		"the edit leads to what is not there": {
			byGateway{"a": appends("p")},
			mutator.Ignore,
			func(_ context.Context, rc *routev3.RouteConfiguration) error {
				rc.RequestHeadersToRemove = []string{"x-gone"}
				xds.RenameClusters(rc.GetVirtualHosts()[1].GetRoutes()[0].GetRoute(), func(string) string { return "nowhere" })
				return nil
			}, led, false,
			[]engine.Result{engine.Applied, engine.Ignored},
		},
		"the variants cannot be told": {
			byGateway{"a": func(*mutator.Input) *mutator.Variant { panic("no") }},
			mutator.Ignore, removesHeader,
			unled, true,
			[]engine.Result{engine.Applied},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{c.variants.withEdit("one", c.policy, c.edit)}, engine.WithCache(1<<20))
			require.NoError(t, err)
			for range 2 { // again from the cache
				res, err := runAndExplain(t, e, twoWays(t))
				require.NoError(t, err)
				require.Equal(t, c.led, ledTo(t, res.Resources[0].Encoded[0]))
				require.Equal(t, c.edited, isEdited(t, res))
				var got []engine.Result
				for _, o := range res.Outcomes {
					if o.Kind == mutator.KindRouteConfiguration {
						require.Equal(t, "one", o.Feature)
						got = append(got, o.Result)
					}
				}
				require.Equal(t, c.verdicts, got)
			}
		})
	}
}

// TestLeadingIsNotQuarantined: changing routes to copies is not quarantined with an edit of the
// same feature that panics, nor disabled with one that hangs.
func TestLeadingIsNotQuarantined(t *testing.T) {
	led := []string{xds.CopyName("one", "p", "c"), "c"}
	t.Run("panic", func(t *testing.T) {
		e, err := engine.New([]mutator.Feature{byGateway{"a": appends("p")}.withEdit("one", mutator.Ignore, func(context.Context, *routev3.RouteConfiguration) error { panic("no") })})
		require.NoError(t, err)
		for _, want := range []engine.Result{engine.Panicked, engine.Quarantined} {
			res, err := e.Run(t.Context(), twoWays(t))
			require.NoError(t, err)
			require.Contains(t, verdicts(res), want)
			require.Equal(t, led, ledTo(t, res.Resources[0].Encoded[0]))
		}
	})
	t.Run("hang", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			e, err := engine.New([]mutator.Feature{byGateway{"a": appends("p")}.withEdit("one", mutator.Ignore, func(context.Context, *routev3.RouteConfiguration) error {
				<-release
				return nil
			})})
			require.NoError(t, err)
			for range 5 {
				res, err := e.Run(t.Context(), twoWays(t))
				require.NoError(t, err)
				require.Equal(t, led, ledTo(t, res.Resources[0].Encoded[0]))
				time.Sleep(time.Hour) //nolint:forbidigo // ends the quarantine; the clock is synctest's
			}
			require.EqualError(t, e.Health(), "feature one disabled: 4 timed-out goroutines still running")
			close(release)
			synctest.Wait()
		})
	})
}

// TestLeadingForOthers: routes that cannot get a copy with the variant of a feature with the policy
// Deny are denied, whatever the policy of the feature that changes the routes is.
func TestLeadingForOthers(t *testing.T) {
	for policy, want := range map[mutator.FailurePolicy][]string{mutator.Ignore: {"c", "c"}, mutator.Deny: {"denied", "denied"}} {
		one := byGateway{"a": appends("p")}.feature("one", mutator.Ignore)
		one.Additions = adder(func() (mutator.Additions, error) { return mutator.Additions{}, errors.New("cannot tell") })
		e, err := engine.New([]mutator.Feature{one, byGateway{"a": appends("q")}.feature("two", policy)})
		require.NoError(t, err)
		res, err := runAndExplain(t, e, twoWays(t))
		require.NoError(t, err)
		require.Equal(t, want, ledTo(t, res.Resources[0].Encoded[0]), policy)
	}
}

// TestVariantsBesideClusters: two edits of one cluster by one feature are not defined.
func TestVariantsBesideClusters(t *testing.T) {
	f := byGateway{}.feature("one", "")
	f.Clusters = mutator.Func[*clusterv3.Cluster]{}
	_, err := engine.New([]mutator.Feature{f})
	require.EqualError(t, err, `feature "one": set ClusterVariants or Clusters`)
}
