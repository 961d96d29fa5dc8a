package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestPartialError: an edit that fails for some policies is committed. These policies are not in
// effect, and the others are. It is cached like a success.
func TestPartialError(t *testing.T) {
	for _, onFailure := range []mutator.FailurePolicy{mutator.Deny, mutator.Ignore, mutator.Fail} {
		runs := 0
		f := agents{}.feature()
		f.FailurePolicy, f.Additions, f.Clusters = onFailure, nil, partially(func(in *mutator.Input, c *clusterv3.Cluster) error {
			runs++
			c.AltStatName = "edited"
			all := in.Objects.Of(thingKind)
			return fmt.Errorf("wrapped: %w", &mutator.PartialError{Failures: []mutator.PartialFailure{
				{Policies: all[:1], Denied: true, Err: errors.New("broken")}, {Policies: all[1:2], Err: errors.New("missing")},
			}})
		})
		second := other()
		second.Clusters = planner(func(*mutator.Input) *mutator.Plan[*clusterv3.Cluster] {
			return &mutator.Plan[*clusterv3.Cluster]{Edit: func(context.Context, *clusterv3.Cluster) error { return nil }, CacheKey: new("key")}
		})
		e, err := engine.New([]mutator.Feature{f, second}, engine.WithCache(1<<20))
		require.NoError(t, err)
		for range 3 {
			res, err := e.Run(t.Context(), &engine.Call{
				Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001), agentPolicy("b", "x", 2002), agentPolicy("c", "x", 2003)},
				Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}},
			})
			require.NoError(t, err)
			require.Equal(t, 1, runs)
			require.Equal(t, "edited", decoded(t, eds("c"), res.Resources[0].Encoded[0]).(*clusterv3.Cluster).GetAltStatName())
			require.Equal(t, []engine.Result{engine.Applied, engine.Denied, engine.Ignored, engine.Unchanged}, verdicts(res))
			var got []string
			for _, p := range res.Policies {
				got = append(got, fmt.Sprint(p.Policy.Name, ": ", p.Reason, ": ", p.Message))
			}
			require.Equal(t, []string{
				`a: ApplyFailed: broken; requests are rejected (Cluster "c")`, `b: ApplyFailed: missing; nothing was changed (Cluster "c")`, "c: Programmed: is in effect",
			}, got)
		}
	}
}

// TestPartialErrorOfACopy: partial failures of a copy are cached with it and reported in each call.
func TestPartialErrorOfACopy(t *testing.T) {
	runs, policies := 0, []*policy.Object(nil)
	e := newCopier(t, 1<<20, func(c *clusterv3.Cluster) error {
		runs++
		c.AltStatName = "edited"
		return &mutator.PartialError{Failures: []mutator.PartialFailure{{Policies: policies, Err: errors.New("broken")}}}
	}, func(v *mutator.Variant) { v.CacheKey, policies = v.Policies[0].Digest(), v.Policies })
	for range 3 {
		call := copying(t, [][]byte{encode(t, eds("c"))}, "a", "b")
		res, err := e.Run(t.Context(), call)
		require.NoError(t, err)
		require.Equal(t, 1, runs)
		require.Equal(t, "edited", decoded(t, eds("c"), res.Resources[0].Encoded[2]).(*clusterv3.Cluster).GetAltStatName())
		requireReport(t, res, `broken; nothing was changed (Cluster "`+copyFor("b", "c")+`")`)
	}
}

// TestPartialErrorOfAnInvalidResult: an invalid result is not committed.
func TestPartialErrorOfAnInvalidResult(t *testing.T) {
	f := agents{}.feature()
	f.Additions, f.Clusters = nil, partially(func(_ *mutator.Input, c *clusterv3.Cluster) error {
		c.LbPolicy = -1
		return &mutator.PartialError{Failures: []mutator.PartialFailure{{Err: errors.New("broken")}}}
	})
	e, err := engine.New([]mutator.Feature{f})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}}})
	require.NoError(t, err)
	require.Equal(t, []engine.Result{engine.Denied}, verdicts(res))
	require.ErrorContains(t, res.Outcomes[0].Err, "the result is invalid")
}

// partially returns a mutator whose edits fail in part, with a cache key.
func partially(edit func(*mutator.Input, *clusterv3.Cluster) error) mutator.Cluster {
	return planner(func(in *mutator.Input) *mutator.Plan[*clusterv3.Cluster] {
		return &mutator.Plan[*clusterv3.Cluster]{
			Edit:     func(_ context.Context, c *clusterv3.Cluster) error { return edit(in, c) },
			CacheKey: new("key"),
			Affected: func(*clusterv3.Cluster) []*policy.Object { return nil },
		}
	})
}

type planner func(in *mutator.Input) *mutator.Plan[*clusterv3.Cluster]

// Plan implements [mutator.Planner].
func (p planner) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	return p(in)
}
