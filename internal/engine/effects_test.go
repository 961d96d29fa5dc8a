package engine_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// runAndExplain runs a call and explains it. It requires equal responses, and that applying the
// effects to the call gives the response.
func runAndExplain(t *testing.T, e *engine.Engine, call *engine.Call) (*engine.Response, error) {
	t.Helper()
	res, err := e.Run(t.Context(), call)
	explained, effects, explainErr := e.Explain(t.Context(), call)
	require.Equal(t, err == nil, explainErr == nil, "error of Run: %v, of Explain: %v", err, explainErr)
	if err != nil {
		return res, err
	}
	require.Equal(t, res.Resources, explained.Resources)
	require.Equal(t, verdicts(res), verdicts(explained))
	require.Equal(t, res.Resources, applied(t, call, effects))
	requireReasons(t, effects)
	return res, nil
}

// applied returns a call's resources after effects.
func applied(t *testing.T, call *engine.Call, effects []engine.Effect) []engine.Resources {
	t.Helper()
	var lists []engine.Resources
	for _, l := range call.Resources {
		lists = append(lists, engine.Resources{Kind: l.Kind, Encoded: slices.Clone(l.Encoded)})
	}
	for _, e := range effects {
		if e.Shadow || e.Before == nil && e.After == nil {
			continue
		}
		if e.Before == nil {
			i := slices.IndexFunc(lists, func(l engine.Resources) bool { return l.Kind == e.Kind })
			if i < 0 {
				lists, i = append(lists, engine.Resources{Kind: e.Kind}), len(lists)
			}
			lists[i].Encoded = append(lists[i].Encoded, e.After)
			continue
		}
		list, at := find(lists, e, func(raw []byte) bool { return unsafe.SliceData(raw) == unsafe.SliceData(e.Before) })
		if list == nil { // not the same bytes in memory
			list, at = find(lists, e, func(raw []byte) bool { return string(raw) == string(e.Before) })
		}
		require.NotNil(t, list, "%s %s %q is not as before the effect of %q", e.Result, e.Kind, e.Name, e.Feature)
		if e.After == nil {
			list.Encoded = slices.Delete(list.Encoded, at, at+1)
		} else {
			list.Encoded[at] = e.After
		}
	}
	return lists
}

// find finds a resource of the kind of an effect.
func find(lists []engine.Resources, e engine.Effect, is func(raw []byte) bool) (*engine.Resources, int) {
	for i := range lists {
		if at := slices.IndexFunc(lists[i].Encoded, is); lists[i].Kind == e.Kind && at >= 0 {
			return &lists[i], at
		}
	}
	return nil, 0
}

// requireReasons requires that effects have the reasons that their results need.
func requireReasons(t *testing.T, effects []engine.Effect) {
	t.Helper()
	for _, e := range effects {
		switch e.Result {
		case engine.Applied, engine.Added, engine.Pruned:
			require.NoError(t, e.Err)
			require.True(t, e.Changed(), "%+v", e)
		case engine.Unchanged, engine.Ignored, engine.NameConflict:
			require.Equal(t, e.Result != engine.Unchanged, e.Err != nil)
		default:
			require.Error(t, e.Err)
		}
		require.NotEmpty(t, e.Kind)
		require.NotEmpty(t, e.Result)
		require.True(t, e.Feature != "" || e.Kind == mutator.KindRouteConfiguration)
	}
}

// TestExplainSaysWhom compares effects of each kind with their policies.
func TestExplainSaysWhom(t *testing.T) {
	policies := [][]byte{agentPolicy("a", "/run/a", 2001), agentPolicy("b", "/run/b", 2002)}
	clusters := func(all ...*clusterv3.Cluster) *engine.Call {
		call := &engine.Call{Hook: mutator.HookTranslation, Objects: policies, Resources: []engine.Resources{{Kind: mutator.KindCluster}}}
		for _, c := range all {
			call.Resources[0].Encoded = append(call.Resources[0].Encoded, encode(t, c))
		}
		return call
	}
	adding := agents{add: func(names []string) (mutator.Additions, error) {
		a := clustersNamed(names...)
		a.Clusters[0].Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: mutator.MetadataKey(thingKind), Value: "ns/a 2"})
		return a, nil
	}}.feature()
	partial := agents{}.feature()
	partial.Additions, partial.Clusters = nil, partially(func(in *mutator.Input, c *clusterv3.Cluster) error {
		c.AltStatName = "edited"
		return &mutator.PartialError{Failures: []mutator.PartialFailure{{Policies: in.Objects.Of(thingKind)[:1], Denied: true, Err: errors.New("broken")}}}
	})
	silent := agents{}.feature()
	silent.Additions, silent.Clusters = nil, other().Clusters
	for name, c := range map[string]struct {
		feature mutator.Feature
		call    *engine.Call
		want    []string
	}{
		"additions": {adding, clusters(eds("a"), eds("b"), &clusterv3.Cluster{Name: "/run/b", RespectDnsTtl: true}), []string{
			`agents applied Cluster "a" for a`,
			`agents added Cluster "/run/a" for a`,
			`agents name-conflict Cluster "/run/b" for a, b?: Cluster "/run/b" already exists with different content and is unmodified`,
			`agents denied Cluster "b" for b: refers to "/run/b", which is not added: Cluster "/run/b" already exists with different content and is unmodified`,
		}},
		"partial failure":      {partial, clusters(eds("c")), []string{`agents applied Cluster "c"`, `agents denied Cluster "c" for a: broken`}},
		"plan that names none": {silent, clusters(eds("c")), []string{`agents applied Cluster "c" for a, b?`}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{c.feature})
			require.NoError(t, err)
			require.Equal(t, c.want, explain(t, e, c.call))
		})
	}
}

// TestExplainCopies: the effects on copies name the original cluster.
func TestExplainCopies(t *testing.T) {
	e := newCopier(t, 0, func(*clusterv3.Cluster) error { return errors.New("broken") }, func(*mutator.Variant) {})
	a, b := copyFor("a", "c"), copyFor("b", "c")
	require.Equal(t, []string{
		`copier applied RouteConfiguration "rc" for a, b`,
		fmt.Sprintf(`copier added Cluster %q copy of "c" for a`, a),
		fmt.Sprintf(`copier applied Cluster %q copy of "c" for a`, a),
		fmt.Sprintf(`copier added Cluster %q copy of "c" for b`, b),
		fmt.Sprintf(`copier denied Cluster %q copy of "c" for b: broken`, b),
	}, explain(t, e, copying(t, [][]byte{encode(t, eds("c"))}, "a", "b")))
}

// TestExplainLeavesTheEngineAlone: Explain does not change the cache and quarantine of the serving
// engine.
func TestExplainLeavesTheEngineAlone(t *testing.T) {
	e, err := engine.New([]mutator.Feature{clusterFeature("panics", mutator.Ignore, func(context.Context, *clusterv3.Cluster) error { panic("no") })}, engine.WithCache(1<<20))
	require.NoError(t, err)
	call := &engine.Call{Hook: mutator.HookCluster, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}}}
	before := e.CacheStats()
	require.Equal(t, []string{`panics ignored Cluster "c": panic: no`}, explain(t, e, call))
	require.Equal(t, before, e.CacheStats())
	require.Zero(t, e.Quarantined())
}

// TestExplainFails: Explain returns the effects until a failure.
func TestExplainFails(t *testing.T) {
	e, err := engine.New([]mutator.Feature{
		clusterFeature("first", mutator.Ignore, setTimeout), clusterFeature("second", mutator.Fail, func(context.Context, *clusterv3.Cluster) error { return errors.New("broken") }),
	})
	require.NoError(t, err)
	call := &engine.Call{Hook: mutator.HookCluster, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}}}
	_, effects, err := e.Explain(t.Context(), call)
	require.EqualError(t, err, `Cluster hook: mutator second on Cluster "c": broken`)
	require.Equal(t, []string{`first applied Cluster "c"`, `second call-failed Cluster "c": broken`}, told(effects))
}

func explain(t *testing.T, e *engine.Engine, call *engine.Call) []string {
	t.Helper()
	_, effects, err := e.Explain(t.Context(), call)
	require.NoError(t, err)
	applied(t, call, effects)
	return told(effects)
}

// told formats effects as text.
func told(effects []engine.Effect) (all []string) {
	for _, e := range effects {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s %s %q", cmp.Or(e.Feature, "egraft"), e.Result, e.Kind, e.Name)
		if e.CopyOf != "" {
			fmt.Fprintf(&b, " copy of %q", e.CopyOf)
		}
		var names []string
		for _, o := range e.Policies {
			names = append(names, o.Name)
		}
		if len(names) > 0 {
			b.WriteString(" for " + strings.Join(names, ", "))
		}
		if e.Uncertain {
			b.WriteString("?")
		}
		if e.Err != nil {
			fmt.Fprintf(&b, ": %v", e.Err)
		}
		all = append(all, b.String())
	}
	return all
}
