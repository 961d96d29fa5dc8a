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

// bearing is a mutator whose failure on a cluster affects the policies that on returns.
type bearing struct {
	mutator.Cluster
	on func(in *mutator.Input, name string) []*policy.Object
}

// Plan implements [mutator.Planner].
func (b bearing) Plan(in *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	p := b.Cluster.Plan(in, v)
	p.Affected = func(c *clusterv3.Cluster) []*policy.Object { return b.on(in, c.GetName()) }
	return p
}

func named(in *mutator.Input, name string) (on []*policy.Object) {
	for _, o := range in.Objects.Of(missingKind.GroupVersionKind) {
		if o.Name == name {
			on = append(on, o)
		}
	}
	return on
}

// reports reports the same reason for every policy.
type reports struct{ reason mutator.Reason }

// Report implements [mutator.Reporter].
func (r reports) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	for _, o := range in.Objects.Of(missingKind.GroupVersionKind) {
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: r.reason, Message: "as the feature says"})
	}
	return out
}

// TestReportOfTranslation: policies affected by a failure are not reported as programmed, whatever
// failed, and others are unaffected. If the plan does not name the affected policies, as one made
// from functions never does, any policy may be affected.
func TestReportOfTranslation(t *testing.T) {
	const untouched = "b Programmed as the feature says"
	errs := func() error { return errors.New("broken") }
	both := []string{`a ApplyFailed broken; requests are rejected (Cluster "a")`, `b ApplyFailed broken; requests are rejected (Cluster "a")`}
	for name, c := range map[string]struct {
		hook   mutator.Hook
		do     func() error
		on     func(*mutator.Input, string) []*policy.Object
		reason mutator.Reason
		want   []string
	}{
		"error":                 {mutator.HookTranslation, errs, named, mutator.Programmed, []string{`a ApplyFailed broken; requests are rejected (Cluster "a")`, untouched}},
		"panic":                 {mutator.HookTranslation, func() error { panic("no") }, named, mutator.Programmed, []string{`a ApplyFailed panic: no; requests are rejected (Cluster "a")`, untouched}},
		"it cannot say":         {mutator.HookTranslation, errs, func(*mutator.Input, string) []*policy.Object { panic("no") }, mutator.Programmed, both},
		"it does not say":       {mutator.HookTranslation, errs, nil, mutator.Programmed, both},
		"it bears on nobody":    {mutator.HookTranslation, errs, func(*mutator.Input, string) []*policy.Object { return nil }, mutator.Programmed, []string{"a Programmed as the feature says", untouched}},
		"nothing failed":        {mutator.HookTranslation, func() error { return nil }, nil, mutator.Programmed, []string{"a Programmed as the feature says", untouched}},
		"a reason of its own":   {mutator.HookTranslation, errs, named, mutator.Invalid, []string{"a Invalid as the feature says", "b Invalid as the feature says"}},
		"undecided":             {mutator.HookTranslation, errs, named, mutator.Pending, []string{`a ApplyFailed broken; requests are rejected (Cluster "a")`}},
		"single hook":           {mutator.HookCluster, errs, named, mutator.Programmed, both},
		"single hook undecided": {mutator.HookCluster, func() error { return nil }, named, mutator.Pending, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fails := clusterFeature("f", mutator.Deny, func(_ context.Context, cluster *clusterv3.Cluster) error {
				if cluster.GetName() == "a" {
					return c.do()
				}
				return nil
			})
			fails.Hooks, fails.Policies = []mutator.Hook{c.hook}, []policy.Kind{missingKind}
			if fails.Reporter = (reports{c.reason}); c.on != nil {
				fails.Clusters = bearing{fails.Clusters, c.on}
			}
			e, err := engine.New([]mutator.Feature{fails})
			require.NoError(t, err)
			call := &engine.Call{Hook: c.hook, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a")), encode(t, eds("b"))}}}}
			for _, name := range []string{"a", "b"} {
				call.Objects = append(call.Objects, fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"n","name":%q}}`, name))
			}
			res, err := runAndExplain(t, e, call)
			require.NoError(t, err)
			var got []string
			for _, p := range res.Policies {
				got = append(got, fmt.Sprintf("%s %s %s", p.Policy.Name, p.Reason, p.Message))
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestReportOfAdditions: a missing addition also counts as a failure, even if nothing refers to it.
// Policies of other features are unaffected.
func TestReportOfAdditions(t *testing.T) {
	taken := &clusterv3.Cluster{Name: "b", RespectDnsTtl: true}
	for name, c := range map[string]struct {
		add  mutator.Additions
		err  error
		want string
	}{
		"made":                {mutator.Additions{Clusters: []*clusterv3.Cluster{{Name: "new"}}}, nil, ""},
		"no answer":           {mutator.Additions{}, errors.New("broken"), `broken; nothing was changed (Cluster "")`},
		"invalid":             {mutator.Additions{Clusters: []*clusterv3.Cluster{{Name: "new", LbPolicy: -1}}}, nil, `the addition is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values; nothing was changed (Cluster "new")`},
		"invalid for no name": {mutator.Additions{Clusters: []*clusterv3.Cluster{{}}}, nil, `the addition is invalid: invalid Cluster.Name: value length must be at least 1 runes; nothing was changed (Cluster "")`},
		"taken":               {mutator.Additions{Clusters: []*clusterv3.Cluster{taken}}, nil, `Cluster "b" already exists with different content and is unmodified; nothing was changed (Cluster "b")`},
	} {
		t.Run(name, func(t *testing.T) {
			f := mutator.Feature{
				Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Policies: []policy.Kind{missingKind}, Reporter: reports{mutator.Programmed},
				Additions: adder(func() (mutator.Additions, error) { return c.add, c.err }),
			}
			other := mutator.Feature{Name: "other", Hooks: f.Hooks, NeedsRoutes: true, Reporter: reports{mutator.Programmed}}
			e, err := engine.New([]mutator.Feature{f, other})
			require.NoError(t, err)
			res, err := runAndExplain(t, e, &engine.Call{
				Hook: mutator.HookTranslation, Objects: [][]byte{[]byte(missingObject)},
				Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a")), encode(t, eds("b"))}}},
			})
			require.NoError(t, err)
			require.Len(t, res.Policies, 2)
			require.Equal(t, mutator.Programmed, res.Policies[1].Reason)
			if c.want == "" {
				require.Equal(t, mutator.Programmed, res.Policies[0].Reason)
				return
			}
			require.Equal(t, mutator.ApplyFailed, res.Policies[0].Reason)
			require.Equal(t, c.want, res.Policies[0].Message)
		})
	}
}

// TestHas: a call without a kind has another input than a call with it, also from the cache.
func TestHas(t *testing.T) {
	for _, options := range [][]engine.Option{nil, {engine.WithCache(1 << 20)}} {
		f := mutator.Feature{
			Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Policies: []policy.Kind{missingKind}, NeedsRoutes: true,
			Reporter: reporting(func(in *mutator.Input) mutator.Reason {
				if in.Has(mutator.KindCluster) {
					return mutator.Programmed
				}
				return mutator.ApplyFailed
			}),
		}
		e, err := engine.New([]mutator.Feature{f}, options...)
		require.NoError(t, err)
		for _, lists := range [][][]byte{nil, {encode(t, eds("a"))}, nil} {
			res, err := runAndExplain(t, e, &engine.Call{
				Hook: mutator.HookTranslation, Objects: [][]byte{[]byte(missingObject)}, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: lists}},
			})
			require.NoError(t, err)
			want := mutator.ApplyFailed
			if lists != nil {
				want = mutator.Programmed
			}
			require.Equal(t, want, res.Policies[0].Reason)
		}
	}
}

// reporting is a reporter of one policy.
type reporting func(*mutator.Input) mutator.Reason

// Report implements [mutator.Reporter].
func (r reporting) Report(in *mutator.Input) []mutator.PolicyOutcome {
	return []mutator.PolicyOutcome{{Policy: in.Objects.Of(missingKind.GroupVersionKind)[0], Reason: r(in)}}
}
