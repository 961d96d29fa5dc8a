package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// calls converts the bodies of a request as the extension service does.
func (r *request) calls(tb testing.TB, policy string) (all []*engine.Call) {
	tb.Helper()
	for i := range r.bodies {
		r.turn(i)
		all = append(all, r.call(tb, policy))
	}
	return all
}

func (r *request) call(tb testing.TB, policy string) *engine.Call {
	tb.Helper()
	m, err := wire.Parse(r.body)
	require.NoError(tb, err)
	return &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{[]byte(policy)}, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: m.All(2)},
		{Kind: mutator.KindSecret, Encoded: m.All(3)},
		{Kind: mutator.KindListener, Encoded: m.All(4)},
		{Kind: mutator.KindRouteConfiguration, Encoded: m.All(5)},
	}}
}

// BenchmarkEngine measures egraft's own part of a call, for profiles: 1,000 clusters without gRPC.
func BenchmarkEngine(b *testing.B) {
	const size = 1000
	for _, c := range []struct {
		name, policy string
		changed      int
	}{
		{"none-targeted", elsewhere(), 0},
		{"all-warm", mtls, 0},
		{"one-changed", mtls, 1},
		{"all-new", mtls, size},
		{"patch-warm", policyOf("XDSPatchPolicy"), 0},
		{"patch-new", policyOf("XDSPatchPolicy"), size},
		{"patch-failing", policyOf(failing), 0},
	} {
		b.Run("case="+c.name, func(b *testing.B) {
			e, err := engine.New(catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}), engine.WithCache(64<<20))
			require.NoError(b, err)
			r := translate(size, c.policy)
			calls := r.calls(b, c.policy)
			_, err = e.Run(b.Context(), calls[0])
			require.NoError(b, err)
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				r.turn(i)
				r.change(c.changed, i)
				_, err := e.Run(b.Context(), calls[i%len(calls)])
				require.NoError(b, err)
			}
		})
	}
}

// TestNothingTargetedCostsNoMemory compares the allocations of a call for 1,000 clusters with those
// for 4,000, with the same number of listeners.
func TestNothingTargetedCostsNoMemory(t *testing.T) {
	allocs := func(size int) float64 {
		e, err := engine.New(catalog.Builtin(catalog.Options{}), engine.WithCache(64<<20))
		require.NoError(t, err)
		calls, i := translate(size, elsewhere()).calls(t, elsewhere()), 0
		return testing.AllocsPerRun(10, func() {
			i++
			_, err := e.Run(t.Context(), calls[i%len(calls)])
			require.NoError(t, err)
		})
	}
	require.InDelta(t, allocs(1000), allocs(4000), 300, "a tenth of an allocation for each cluster more")
}
