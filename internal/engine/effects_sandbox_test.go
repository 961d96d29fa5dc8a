package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// fragile is a feature that fails in one place.
type fragile struct {
	place string
	wrong func()
}

func (f fragile) at(place string) {
	if place == f.place {
		f.wrong()
	}
}

func (f fragile) Plan(*mutator.Input, mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	f.at("plan")
	return &mutator.Plan[*clusterv3.Cluster]{Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		f.at("edit")
		c.AltStatName = "edited"
		return nil
	}}
}

func (f fragile) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	f.at("additions")
	return mutator.Additions{}, nil
}

func (f fragile) Report(*mutator.Input) []mutator.PolicyOutcome {
	f.at("report")
	return nil
}

func (f fragile) feature() mutator.Feature {
	return mutator.Feature{
		Name: "fragile", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Deny, Clusters: f, Additions: f, Reporter: f,
		Policies: []policy.Kind{policy.NewKind(thingKind, func(*map[string]any) field.ErrorList {
			f.at("reading")
			return nil
		})},
	}
}

// TestExplainIsIsolated: code that hangs or panics during Explain ends with the deadline, and is
// neither counted nor quarantined for served calls.
func TestExplainIsIsolated(t *testing.T) {
	for _, place := range []string{"reading", "plan", "edit", "additions", "report"} {
		for name, wrong := range map[string]func(<-chan struct{}){
			"hangs":  func(release <-chan struct{}) { <-release },
			"panics": func(<-chan struct{}) { panic("no") },
		} {
			t.Run(place+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { explainIsolated(t, place, wrong) })
			})
		}
	}
}

func explainIsolated(t *testing.T, place string, wrong func(<-chan struct{})) {
	t.Helper()
	const limit = 30 * time.Second
	var mended atomic.Bool
	release := make(chan struct{})
	e, err := engine.New([]mutator.Feature{fragile{place, func() {
		if !mended.Load() {
			wrong(release)
		}
	}}.feature()})
	require.NoError(t, err)
	call := &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001)}, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}}}}
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		began := time.Now()
		res, _, err := e.Explain(ctx, call)
		cancel()
		require.LessOrEqual(t, time.Since(began), limit)
		require.True(t, err != nil || len(res.Outcomes)+len(res.Warnings) > 0 || place == "reading", "it went wrong")
	}
	require.NoError(t, e.Health())
	require.Zero(t, e.Abandoned())
	require.Zero(t, e.Quarantined())
	mended.Store(true)
	began := time.Now()
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, []engine.Result{engine.Applied}, verdicts(res))
	require.Zero(t, time.Since(began))
	close(release)
	synctest.Wait()
}
