package engine_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// clusterFeature returns a feature with one cluster mutator for the Cluster hook.
func clusterFeature(name string, p mutator.FailurePolicy, do func(context.Context, *clusterv3.Cluster) error) mutator.Feature {
	return mutator.Feature{
		Name: name, Hooks: []mutator.Hook{mutator.HookCluster}, FailurePolicy: p,
		Clusters: mutator.Func[*clusterv3.Cluster]{
			When: func(_ *mutator.Input, v mutator.View) bool { return v.Name() != "unwanted" },
			Do: func(ctx context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
				return do(ctx, c)
			},
		},
	}
}

func setTimeout(_ context.Context, c *clusterv3.Cluster) error {
	c.ConnectTimeout = durationpb.New(time.Minute)
	return nil
}

// edited returns an edit that must be discarded, followed by f.
func edited(f func() error) func(context.Context, *clusterv3.Cluster) error {
	return func(_ context.Context, c *clusterv3.Cluster) error {
		c.AltStatName = "partial edit"
		return f()
	}
}

func eds(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{ServiceName: name},
	}
}

// run runs the features on clusters with the names.
func run(ctx context.Context, t *testing.T, features []mutator.Feature, names ...string) ([]*clusterv3.Cluster, *engine.Response, error) {
	t.Helper()
	e, err := engine.New(features)
	require.NoError(t, err)
	list := engine.Resources{Kind: mutator.KindCluster}
	for _, n := range names {
		b, err := proto.Marshal(eds(n))
		require.NoError(t, err)
		list.Encoded = append(list.Encoded, b)
	}
	object := []byte(`{"apiVersion":"example.com/v1","kind":"P","metadata":{"name":"p"}}`) // without one, nothing is reported
	res, err := e.Run(ctx, &engine.Call{Hook: mutator.HookCluster, Objects: [][]byte{object}, Resources: []engine.Resources{list}})
	if err != nil {
		return nil, nil, err
	}
	var out []*clusterv3.Cluster
	for _, b := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(t, proto.Unmarshal(b, c))
		out = append(out, c)
	}
	return out, res, nil
}

func verdicts(res *engine.Response) (out []engine.Result) {
	for _, o := range res.Outcomes {
		out = append(out, o.Result)
	}
	return out
}

// TestFailureIsContained runs a mutator that fails in each way on one of two clusters, between two
// mutators that succeed.
func TestFailureIsContained(t *testing.T) {
	broken := errors.New("broken")
	ways := map[string]struct {
		do       func(context.Context, *clusterv3.Cluster) error
		verdicts []engine.Result // in addition to that of the failure policy
	}{
		"error":   {edited(func() error { return broken }), nil},
		"panic":   {edited(func() error { panic("at the disco") }), []engine.Result{engine.Panicked}},
		"invalid": {func(_ context.Context, c *clusterv3.Cluster) error { c.Name = ""; return nil }, nil},
	}
	for name, way := range ways {
		onlyBad := func(ctx context.Context, c *clusterv3.Cluster) error {
			if c.GetName() != "bad" {
				return nil
			}
			return way.do(ctx, c)
		}
		features := func(p mutator.FailurePolicy) []mutator.Feature {
			return []mutator.Feature{clusterFeature("before", mutator.Deny, setTimeout), clusterFeature("broken", p, onlyBad), clusterFeature("after", mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
				c.RespectDnsTtl = true
				return nil
			})}
		}
		good := eds("good")
		good.ConnectTimeout, good.RespectDnsTtl = durationpb.New(time.Minute), true

		t.Run(name+"/Ignore", func(t *testing.T) {
			out, res, err := run(t.Context(), t, features(mutator.Ignore), "bad", "good")
			require.NoError(t, err)
			bad := eds("bad")
			bad.ConnectTimeout, bad.RespectDnsTtl = durationpb.New(time.Minute), true
			require.True(t, proto.Equal(bad, out[0]), "only the broken mutator's edit is dropped: %v", out[0])
			require.True(t, proto.Equal(good, out[1]), "%v", out[1])
			want := append([]engine.Result{engine.Applied, engine.Ignored}, way.verdicts...)
			require.Equal(t, append(want, engine.Applied), verdicts(res)[:len(want)+1])
		})
		t.Run(name+"/Deny", func(t *testing.T) {
			out, res, err := run(t.Context(), t, features(mutator.Deny), "bad", "good")
			require.NoError(t, err)
			require.Equal(t, clusterv3.Cluster_STATIC, out[0].GetType())
			require.Empty(t, out[0].GetLoadAssignment().GetEndpoints(), "no endpoint to send a request to")
			require.Nil(t, out[0].GetEdsClusterConfig())
			require.Empty(t, out[0].GetAltStatName())
			require.True(t, proto.Equal(good, out[1]), "%v", out[1])
			require.Equal(t, append([]engine.Result{engine.Applied, engine.Denied}, way.verdicts...), verdicts(res)[:2+len(way.verdicts)])
		})
		t.Run(name+"/Fail", func(t *testing.T) {
			_, _, err := run(t.Context(), t, features(mutator.Fail), "bad", "good")
			require.ErrorContains(t, err, `Cluster hook: mutator broken on Cluster "bad": `)
		})
	}
}

// TestAppliesPanics: if a mutator panics in Plan, the failure policy applies to that resource.
func TestAppliesPanics(t *testing.T) {
	f := clusterFeature("broken", mutator.Deny, setTimeout)
	f.Clusters = mutator.Func[*clusterv3.Cluster]{When: func(_ *mutator.Input, v mutator.View) bool {
		if v.Name() == "bad" {
			panic("asked")
		}
		return false
	}}
	out, res, err := run(t.Context(), t, []mutator.Feature{f}, "bad", "good")
	require.NoError(t, err)
	require.Nil(t, out[0].GetEdsClusterConfig())
	require.NotNil(t, out[1].GetEdsClusterConfig())
	require.Equal(t, []engine.Result{engine.Denied, engine.Panicked}, verdicts(res))
}

// TestTooSlow: the engine abandons a mutator that hangs.
func TestTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := clusterFeature("hangs", mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
			<-release // ignores its context
			c.AltStatName = "too late"
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		out, res, err := run(ctx, t, []mutator.Feature{hangs}, "one", "two", "unwanted")
		require.NoError(t, err)
		require.Nil(t, out[0].GetEdsClusterConfig())
		require.Nil(t, out[1].GetEdsClusterConfig(), "what had no time left is denied as well")
		require.NotNil(t, out[2].GetEdsClusterConfig())
		require.ErrorIs(t, res.Outcomes[0].Err, context.DeadlineExceeded)
		close(release)
		synctest.Wait()
	})
}

func TestUnwantedIsTheSameBytes(t *testing.T) {
	e, err := engine.New([]mutator.Feature{clusterFeature("one", mutator.Deny, setTimeout)})
	require.NoError(t, err)
	raw := []byte("\x0a\x08unwanted\xff\xff\xff") // malformed after the name
	call := &engine.Call{Hook: mutator.HookCluster, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{raw}}}}
	res, err := runAndExplain(t, e, call)
	require.NoError(t, err)
	require.Same(t, &raw[0], &res.Resources[0].Encoded[0][0])
	require.Empty(t, res.Outcomes)
}

func TestUnchangedIsTheSameBytes(t *testing.T) {
	out, res, err := run(t.Context(), t, []mutator.Feature{clusterFeature("idle", mutator.Deny, func(context.Context, *clusterv3.Cluster) error { return nil })}, "one")
	require.NoError(t, err)
	require.True(t, proto.Equal(eds("one"), out[0]))
	require.Equal(t, []engine.Result{engine.Unchanged}, verdicts(res))
}

// TestOrderIsThatOfTheList has two features that overwrite each other's edits.
func TestOrderIsThatOfTheList(t *testing.T) {
	write := func(name string) mutator.Feature {
		return clusterFeature(name, mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
			c.AltStatName += name
			return nil
		})
	}
	out, _, err := run(t.Context(), t, []mutator.Feature{write("b"), write("a")}, "one")
	require.NoError(t, err)
	require.Equal(t, "ba", out[0].GetAltStatName())
}

func TestFeaturesThatCannotWork(t *testing.T) {
	_, err := engine.New([]mutator.Feature{
		{Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: mutator.Func[*clusterv3.Cluster]{}},
		{Name: "a", Hooks: []mutator.Hook{"Rout"}, FailurePolicy: "Maybe"},
		{Name: "a"},
	})
	require.EqualError(t, err, `feature 0 has no name
feature "a": unknown hook "Rout"
feature "a": unknown failure policy "Maybe"
feature "a" is listed twice
feature "a" names no hook`)
}

// TestNothingUndoesDenial has a feature after the broken one that would re-enable traffic.
func TestNothingUndoesDenial(t *testing.T) {
	broken := clusterFeature("broken", mutator.Deny, edited(func() error { return errors.New("broken") }))
	undo := clusterFeature("undo", mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
		proto.Reset(c)
		proto.Merge(c, eds("bad"))
		return nil
	})
	out, res, err := run(t.Context(), t, []mutator.Feature{broken, undo}, "bad")
	require.NoError(t, err)
	require.Nil(t, out[0].GetEdsClusterConfig())
	require.Equal(t, []engine.Result{engine.Denied}, verdicts(res))
}

// failing is a cluster mutator that fails, with a failure policy for each cluster.
type failing struct {
	mutator.Cluster
	policy func(name string) mutator.FailurePolicy
}

func (f failing) Plan(in *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	p := f.Cluster.Plan(in, v)
	p.OnFailure = f.policy(v.Name())
	return p
}

// TestFailurePolicyOfTheResource: the failure policy of a plan takes precedence over that of the
// feature; only the operator can set Fail; and if Plan panics, the feature's policy applies.
func TestFailurePolicyOfTheResource(t *testing.T) {
	fails := edited(func() error { return errors.New("broken") })
	panics := func(string) mutator.FailurePolicy { panic("no answer") }
	says := func(policies map[string]mutator.FailurePolicy) func(string) mutator.FailurePolicy {
		return func(name string) mutator.FailurePolicy { return policies[name] }
	}
	for name, c := range map[string]struct {
		feature mutator.FailurePolicy
		policy  func(string) mutator.FailurePolicy
		want    []engine.Result
	}{
		"other than the feature": {mutator.Deny, says(map[string]mutator.FailurePolicy{"b": mutator.Ignore}), []engine.Result{engine.Denied, engine.Ignored}},
		"the other way round":    {mutator.Ignore, says(map[string]mutator.FailurePolicy{"b": mutator.Deny}), []engine.Result{engine.Ignored, engine.Denied}},
		"Fail is not for it":     {mutator.Ignore, says(map[string]mutator.FailurePolicy{"a": mutator.Fail}), []engine.Result{engine.Ignored, engine.Ignored}},
		"no answer":              {mutator.Deny, panics, []engine.Result{engine.Denied, engine.Panicked, engine.Denied, engine.Panicked}},
	} {
		t.Run(name, func(t *testing.T) {
			feature := clusterFeature("f", c.feature, fails)
			feature.Clusters = failing{feature.Clusters, c.policy}
			_, res, err := run(t.Context(), t, []mutator.Feature{feature}, "a", "b")
			require.NoError(t, err)
			require.Equal(t, c.want, verdicts(res))
		})
	}
}

// TestReportKnowsFailures: a reporter does not see failures of mutators. For a single resource, the
// engine adds them.
func TestReportKnowsFailures(t *testing.T) {
	for policy, want := range map[mutator.FailurePolicy]string{
		mutator.Ignore: `broken; nothing was changed (Cluster "a")`,
		mutator.Deny:   `broken; requests are rejected (Cluster "a")`,
	} {
		t.Run(string(policy), func(t *testing.T) {
			f := clusterFeature("f", policy, edited(func() error { return errors.New("broken") }))
			f.Reporter = says{mutator.Programmed}
			other := clusterFeature("g", policy, setTimeout)
			other.Reporter = says{mutator.Programmed}
			_, res, err := run(t.Context(), t, []mutator.Feature{f, other}, "a")
			require.NoError(t, err)
			require.Equal(t, []mutator.PolicyOutcome{{Reason: mutator.ApplyFailed, Message: want}, {Reason: mutator.Programmed}}, res.Policies)
			f.Reporter = says{mutator.Invalid}
			_, res, err = run(t.Context(), t, []mutator.Feature{f}, "a")
			require.NoError(t, err)
			require.Equal(t, []mutator.PolicyOutcome{{Reason: mutator.Invalid}}, res.Policies, "it has a reason of its own")
		})
	}
}

// says reports the same reason for one policy in every call.
type says struct{ reason mutator.Reason }

func (s says) Report(*mutator.Input) []mutator.PolicyOutcome {
	return []mutator.PolicyOutcome{{Reason: s.reason}}
}

// TestHookOfNobody: in a hook that no feature uses, everything is returned byte for byte.
func TestHookOfNobody(t *testing.T) {
	e, err := engine.New([]mutator.Feature{clusterFeature("f", mutator.Deny, setTimeout)})
	require.NoError(t, err)
	sent := []engine.Resources{{Kind: mutator.KindVirtualHost, Encoded: [][]byte{[]byte("no message")}}}
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookVirtualHost, Objects: [][]byte{[]byte("no object")}, Resources: sent})
	require.NoError(t, err)
	require.Equal(t, sent, res.Resources)
	require.Empty(t, res.Outcomes)
	require.Empty(t, res.Subject())
	_, err = runAndExplain(t, e, &engine.Call{Hook: mutator.HookCluster, Resources: []engine.Resources{{Kind: mutator.KindCluster}}})
	require.Error(t, err, "a hook of somebody")
}

// TestHookOfAReporter: a reporter is called although the feature has no mutator for the resources.
func TestHookOfAReporter(t *testing.T) {
	e, err := engine.New([]mutator.Feature{{
		Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, Policies: []policy.Kind{missingKind}, Reporter: says{mutator.Programmed},
	}})
	require.NoError(t, err)
	sent := []engine.Resources{{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{{}}}}
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{[]byte(missingObject)}, Resources: sent})
	require.NoError(t, err)
	require.Len(t, res.Policies, 1)
}
