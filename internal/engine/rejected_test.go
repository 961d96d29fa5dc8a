package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// matching returns a feature of policies that append their names to the statistics name of each
// cluster that they select. A policy must select at least one. Its target is the cluster's name, or
// "after" and the suffix of that name. A policy with "chain" always edits, but counts only if it
// selects.
func matching() mutator.Feature {
	f := agents{}.feature()
	f.Name, f.Additions, f.FailurePolicy, f.Reporter = "matching", nil, mutator.Ignore, matches{}
	f.Clusters = matches{}
	f.Rejects = func(in *mutator.Input) map[*policy.Object]error {
		out := map[*policy.Object]error{}
		for _, o := range in.Objects.Of(thingKind) {
			if o.Err == nil && in.Counted(o.Name) == 0 {
				out[o] = &mutator.RejectionError{Reason: mutator.MatchedNothing, Err: errors.New("selects nothing")}
			}
		}
		return out
	}
	return f
}

type matches struct{}

func (matches) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	all := in.Objects.Of(thingKind)
	if len(all) == 0 {
		return nil
	}
	var on []*policy.Object
	key, onFailure := "", mutator.Ignore
	for _, o := range all {
		key += o.Digest()
		switch {
		case o.Err == nil:
			on = append(on, o)
		case o.FailurePolicy == "Deny":
			onFailure = mutator.Deny
		}
	}
	return &mutator.Plan[*clusterv3.Cluster]{
		CacheKey: &key, OnFailure: onFailure,
		Affected: func(*clusterv3.Cluster) []*policy.Object { return on },
		Edit: func(ctx context.Context, c *clusterv3.Cluster) error {
			if onFailure == mutator.Deny {
				return errors.New("a policy is not valid and denies")
			}
			for _, o := range on {
				what := o.Targets[0].Name
				if after, is := strings.CutPrefix(what, "after "); what == c.GetName() || is && strings.HasSuffix(c.GetAltStatName(), after) {
					mutator.Count(ctx, o.Name, 1)
					c.AltStatName += o.Name
				}
				if before, is := strings.CutPrefix(what, "chain "); is {
					if strings.HasSuffix(c.GetAltStatName(), before) {
						mutator.Count(ctx, o.Name, 1)
					}
					c.AltStatName += o.Name
				}
				switch what {
				case "uncounted":
					c.AltStatName += o.Name
				case "broken":
					mutator.Count(ctx, o.Name, 1)
					return errors.New("broken")
				}
			}
			return nil
		},
	}
}

// Report reports how many clusters each policy selects.
func (matches) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	for _, o := range in.Objects.Of(thingKind) {
		p := mutator.PolicyOutcome{Policy: o, Reason: mutator.Programmed, Message: fmt.Sprint("selects ", in.Counted(o.Name))}
		if o.Err != nil {
			p.Reason, p.Message = mutator.ReasonOf(o.Err), o.Err.Error()
		}
		out = append(out, p)
	}
	return out
}

// selects returns a policy; the year is its age.
func selects(namespace, name, what, onFailure string, year int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":%q,"name":%q,"creationTimestamp":"%d-01-01T00:00:00Z"},"spec":{
		"failurePolicy":%q,"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":%q}]}}`, namespace, name, year, onFailure, what)
}

func clustersCall(t *testing.T, objects [][]byte, names ...string) *engine.Call {
	t.Helper()
	list := engine.Resources{Kind: mutator.KindCluster}
	for _, n := range names {
		list.Encoded = append(list.Encoded, encode(t, eds(n)))
	}
	return &engine.Call{Hook: mutator.HookTranslation, Objects: objects, Resources: []engine.Resources{list}}
}

// outcomesOf returns the outcomes of policies by name.
func outcomesOf(res *engine.Response) map[string]string {
	out := map[string]string{}
	for _, p := range res.Policies {
		out[p.Policy.Name] = fmt.Sprint(p.Reason, ": ", p.Message)
	}
	return out
}

func statsOf(t *testing.T, res *engine.Response) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, raw := range res.Resources[0].Encoded {
		c := decoded(t, &clusterv3.Cluster{}, raw).(*clusterv3.Cluster)
		if out[c.GetName()] = c.GetAltStatName(); c.GetEdsClusterConfig() == nil {
			out[c.GetName()] = "denied"
		}
	}
	return out
}

// TestRejects: only the policy that its feature rejects is left out, and its failure policy
// applies. Each outcome is reported once, cached or not.
func TestRejects(t *testing.T) {
	for name, c := range map[string]struct {
		objects  [][]byte
		clusters map[string]string
		want     map[string]string
	}{
		"none": {
			[][]byte{selects("ns", "p", "a", "Ignore", 2001), selects("ns", "q", "b", "Ignore", 2002)},
			map[string]string{"a": "p", "b": "q"},
			map[string]string{"p": "Programmed: selects 1", "q": "Programmed: selects 1"},
		},
		"one": {
			[][]byte{selects("ns", "p", "a", "Ignore", 2001), selects("ns", "q", "x", "Ignore", 2002), selects("ns", "r", "after p", "Ignore", 2003)},
			map[string]string{"a": "pr", "b": ""},
			map[string]string{"p": "Programmed: selects 1", "q": "MatchedNothing: selects nothing", "r": "Programmed: selects 1"},
		},
		"one leads to another": {
			[][]byte{selects("ns", "p", "uncounted", "Ignore", 2001), selects("ns", "q", "after p", "Ignore", 2002), selects("ns", "r", "after ", "Ignore", 2003)},
			map[string]string{"a": "r", "b": "r"},
			map[string]string{"p": "MatchedNothing: selects nothing", "q": "MatchedNothing: selects nothing", "r": "Programmed: selects 2"},
		},
		"one that denies": {
			[][]byte{selects("ns", "p", "x", "Deny", 2001)},
			map[string]string{"a": "denied", "b": "denied"},
			map[string]string{"p": "MatchedNothing: selects nothing"},
		},
		"one that failed": {
			[][]byte{selects("ns", "p", "broken", "Ignore", 2001)},
			map[string]string{"a": "", "b": ""},
			map[string]string{"p": `ApplyFailed: broken (Cluster "a")`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cached := range []int64{0, 1 << 20} {
				e, err := engine.New([]mutator.Feature{matching()}, engine.WithCache(cached))
				require.NoError(t, err)
				call := clustersCall(t, c.objects, "a", "b")
				for range 3 {
					res, err := runAndExplain(t, e, call)
					require.NoError(t, err)
					require.Equal(t, c.want, outcomesOf(res))
					require.Len(t, res.Policies, len(c.objects))
					require.Equal(t, c.clusters, statsOf(t, res))
					require.Len(t, res.Outcomes, 2)
					require.Empty(t, res.Warnings)
				}
				res, err := e.Run(t.Context(), clustersCall(t, c.objects, "a", "b", "x")) // the same input
				require.NoError(t, err)
				if name == "one" {
					require.Equal(t, "Programmed: selects 1", outcomesOf(res)["q"])
				}
			}
		})
	}
}

// TestRejectsInRounds: a chain of rejections of any length ends. As long as it is in one namespace,
// it does not affect policies of other namespaces.
func TestRejectsInRounds(t *testing.T) {
	chain := func(n int, namespace func(i int) string) (all [][]byte) {
		all = [][]byte{selects("ns", "p0.", "uncounted", "Ignore", 2000)}
		for i := range n {
			all = append(all, selects(namespace(i), fmt.Sprintf("p%d.", i+1), fmt.Sprintf("chain p%d.", i), "Ignore", 2001+i))
		}
		return append(all, selects("other", "other", "after ", "Ignore", 2900), selects("ns", "fine", "after other", "Ignore", 2901))
	}
	same := func(int) string { return "ns" }
	for name, c := range map[string]struct {
		objects [][]byte
		passes  int
		last    string // outcome of the last policy of the namespace, which selects a cluster
		other   string
	}{
		"short":              {chain(3, same), 5, "Programmed: selects 1", "Programmed: selects 1"},
		"long":               {chain(500, same), 6, "ApplyFailed: rejections caused further rejections 4 times, so all policies of the namespace are rejected", "Programmed: selects 1"},
		"of many namespaces": {chain(500, func(i int) string { return fmt.Sprint("ns", i) }), 10, "", "ApplyFailed: rejections caused further rejections 8 times, so all policies of the feature matching are rejected"},
	} {
		t.Run(name, func(t *testing.T) {
			passes := 0
			f := matching()
			rejects := f.Rejects
			f.Rejects = func(in *mutator.Input) map[*policy.Object]error { passes++; return rejects(in) }
			e, err := engine.New([]mutator.Feature{f}, engine.WithCache(1<<24))
			require.NoError(t, err)
			res, err := e.Run(t.Context(), clustersCall(t, c.objects, "a"))
			require.NoError(t, err)
			require.Equal(t, c.passes, passes)
			got := outcomesOf(res)
			require.Equal(t, "MatchedNothing: selects nothing", got["p0."])
			require.Equal(t, c.other, got["other"])
			if c.last != "" {
				require.Equal(t, c.last, got["fine"])
			}
			res, err = e.Run(t.Context(), clustersCall(t, c.objects, "a"))
			require.NoError(t, err)
			require.Equal(t, c.passes, passes, "nothing is asked twice")
			require.Equal(t, got, outcomesOf(res))
		})
	}
}

// TestRejectsFails: if Rejects fails, no policy is in effect.
func TestRejectsFails(t *testing.T) {
	f := matching()
	f.Rejects = func(*mutator.Input) map[*policy.Object]error { panic("no") }
	e, err := engine.New([]mutator.Feature{f}, engine.WithCache(1<<20))
	require.NoError(t, err)
	for range 2 {
		res, err := runAndExplain(t, e, clustersCall(t, [][]byte{selects("ns", "p", "a", "Ignore", 2001)}, "a"))
		require.NoError(t, err)
		require.Equal(t, map[string]string{"p": "ApplyFailed: cannot determine which policies of the feature matching may be in effect: panic: no"}, outcomesOf(res))
		require.Equal(t, map[string]string{"a": ""}, statsOf(t, res))
	}
}

// TestRejectsForeign: a feature can reject only its own valid policies.
func TestRejectsForeign(t *testing.T) {
	f := matching()
	f.Rejects = func(in *mutator.Input) map[*policy.Object]error {
		out := map[*policy.Object]error{{Name: fmt.Sprint(len(in.Rejected))}: errors.New("not there")}
		for _, o := range in.Objects.Of(thingKind) {
			out[o] = nil
		}
		return out
	}
	e, err := engine.New([]mutator.Feature{f})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), clustersCall(t, [][]byte{selects("ns", "p", "a", "Ignore", 2001)}, "a"))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"p": "Programmed: selects 1"}, outcomesOf(res))
}

// TestRejectsShadow: a policy with the effect Shadow is rejected only in its own evaluation.
func TestRejectsShadow(t *testing.T) {
	e, err := engine.New([]mutator.Feature{matching()}, engine.WithCache(1<<20))
	require.NoError(t, err)
	shadow := []byte(strings.Replace(string(selects("ns", "s", "x", "Ignore", 2001)), `"targetRefs"`, `"effect":"Shadow","targetRefs"`, 1))
	for range 2 {
		res, err := runAndExplain(t, e, clustersCall(t, [][]byte{selects("ns", "p", "a", "Ignore", 2001), shadow}, "a"))
		require.NoError(t, err)
		require.Equal(t, map[string]string{
			"p": "Programmed: selects 1", "s": "Shadow: changes nothing; if it were enforced, it would be MatchedNothing: selects nothing",
		}, outcomesOf(res))
	}
}
