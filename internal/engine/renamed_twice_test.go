package engine_test

import (
	"context"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// dns returns a cluster that is not kept under its old name.
func dns(name string) *clusterv3.Cluster { return &clusterv3.Cluster{Name: name} }

// TestRenamedToATakenName: renaming a cluster to the name of another cluster, received or renamed,
// is a failure of the feature. Which of the clusters it affects does not depend on their order.
func TestRenamedToATakenName(t *testing.T) {
	taken := func(was, name string) string {
		return fmt.Sprintf("renamed the Cluster from %q to %q, which is the name of another one", was, name)
	}
	for name, c := range map[string]struct {
		to     renames
		onFail mutator.FailurePolicy
		want   []string // names of the clusters a, b and c
		denied []string
	}{
		"free names":       {renames{"a": "x", "b": "y"}, mutator.Deny, []string{"x", "y", "c"}, nil},
		"one that came":    {renames{"a": "b"}, mutator.Deny, []string{"a", "b", "c"}, []string{"a"}},
		"twice the same":   {renames{"a": "x", "b": "x"}, mutator.Deny, []string{"a", "b", "c"}, []string{"a", "b"}},
		"changed places":   {renames{"a": "b", "b": "a"}, mutator.Deny, []string{"a", "b", "c"}, []string{"a", "b"}},
		"one after other":  {renames{"a": "b", "b": "x"}, mutator.Deny, []string{"a", "x", "c"}, []string{"a"}},
		"ignored":          {renames{"a": "b", "c": "x"}, mutator.Ignore, []string{"a", "b", "x"}, []string{"a"}},
		"the call fails":   {renames{"a": "b"}, mutator.Fail, nil, nil},
		"all three as one": {renames{"a": "c", "b": "c"}, mutator.Deny, []string{"a", "b", "c"}, []string{"a", "b"}},
	} {
		for _, cacheSize := range []int64{0, 1 << 20} {
			t.Run(fmt.Sprint(name, "/", cacheSize), func(t *testing.T) {
				f := c.to.feature()
				f.FailurePolicy = c.onFail
				e, err := engine.New([]mutator.Feature{f, other()}, engine.WithCache(cacheSize))
				require.NoError(t, err)
				for _, order := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"c", "b", "a"}, {"b", "a", "c"}} {
					call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster}, {Kind: mutator.KindCluster}}}
					for i, name := range order { // in two lists
						list := &call.Resources[i/2]
						list.Encoded = append(list.Encoded, encode(t, dns(name)))
					}
					res, err := runAndExplain(t, e, call)
					if c.onFail == mutator.Fail {
						require.EqualError(t, err, `Translation hook: mutator renames on Cluster "a": `+taken("a", "b"))
						continue
					}
					require.NoError(t, err)
					want := map[string]string{"a": c.want[0], "b": c.want[1], "c": c.want[2]}
					for i, was := range order {
						got := decoded(t, &clusterv3.Cluster{}, res.Resources[i/2].Encoded[i%2]).(*clusterv3.Cluster)
						require.Equal(t, want[was], got.GetName())
					}
					var denied []string
					for _, o := range res.Outcomes {
						if o.Err != nil {
							require.Equal(t, "renames", o.Feature)
							require.EqualError(t, o.Err, taken(o.Name, c.to[o.Name]))
							require.Equal(t, map[mutator.FailurePolicy]engine.Result{mutator.Deny: engine.Denied, mutator.Ignore: engine.Ignored}[c.onFail], o.Result)
							denied = append(denied, o.Name)
						}
					}
					require.ElementsMatch(t, c.denied, denied)
				}
			})
		}
	}
}

// TestRenamedOfOneName: two clusters received with the same name, which no feature caused, are both
// renamed.
func TestRenamedOfOneName(t *testing.T) {
	e, err := engine.New([]mutator.Feature{renames{"a": "x"}.feature()})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, dns("a")), encode(t, dns("a"))}},
	}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{encode(t, dns("x")), encode(t, dns("x"))}, res.Resources[0].Encoded)
}

// renamesLater returns a feature that renames a cluster unless an earlier feature did.
func renamesLater(name string, from, to string) mutator.Feature {
	f := mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, RenamesClusters: true, FailurePolicy: mutator.Ignore}
	f.Clusters = mutator.Func[*clusterv3.Cluster]{
		When: func(_ *mutator.Input, c mutator.View) bool { return c.Name() == from },
		Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			c.Name = to
			return nil
		},
	}
	return f
}

// TestRenamedToATakenNameByTwo: if one feature fails, another one does not give the cluster the
// same name.
func TestRenamedToATakenNameByTwo(t *testing.T) {
	e, err := engine.New([]mutator.Feature{renamesLater("f", "a", "b"), renamesLater("g", "a", "b")})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, dns("a")), encode(t, dns("b"))}},
	}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{encode(t, dns("a")), encode(t, dns("b"))}, res.Resources[0].Encoded)
	require.Equal(t, []engine.Result{engine.Ignored, engine.Ignored}, verdicts(res))
}

// TestRenamedBesideAdditions: an addition must not have the received name of a renamed cluster,
// under which that may be kept.
func TestRenamedBesideAdditions(t *testing.T) {
	adds := mutator.Feature{Name: "adds", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: adder(func() (mutator.Additions, error) {
		return clustersNamed("a"), nil
	})}
	e, err := engine.New([]mutator.Feature{renames{"a": "new"}.feature(), adds})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}},
	}})
	require.NoError(t, err)
	var names []string
	for _, raw := range res.Resources[0].Encoded {
		names = append(names, decoded(t, &clusterv3.Cluster{}, raw).(*clusterv3.Cluster).GetName())
	}
	require.Equal(t, []string{"new", "a"}, names)
	require.Equal(t, []engine.Result{engine.Applied, engine.NameConflict}, verdicts(res))
}
