package mutator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestRefer: a reference is found by its kind and complete name, and not by other counts.
func TestRefer(t *testing.T) {
	o, counts := &policy.Object{}, mutator.Counts{}
	o.Namespace, o.Name = "a", "b"
	ctx := mutator.WithCounts(t.Context(), counts)
	mutator.Refer(ctx, o, "spec.x", mutator.KindCluster, "c")
	mutator.Count(ctx, "c", 1)
	require.Len(t, counts, 2)
	for key := range counts {
		id, field, ok := mutator.Referrer(key, mutator.KindCluster, "c")
		require.Equal(t, key != "c", ok)
		if ok {
			require.Equal(t, []string{o.ID().String(), "spec.x"}, []string{id, field})
		}
		for kind, name := range map[mutator.Kind]string{mutator.KindCluster: "", mutator.KindRoute: "c"} {
			_, _, ok = mutator.Referrer(key, kind, name)
			require.False(t, ok, name)
		}
	}
}
