package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/egraft/egraft/pkg/mutator"
)

// results lists what a feature can do in a hook, in the words of the engine.
func results(f *mutator.Feature, h mutator.Hook) []string {
	r := []string{"applied", "unchanged", "denied", "ignored", "failed", "panicked", "timed-out", "quarantined"}
	if h == mutator.HookTranslation && (f.Additions != nil || f.ClusterVariants != nil) {
		r = append(r, "added", "conflicting")
	}
	if h == mutator.HookTranslation && f.PrunesSecrets {
		r = append(r, "dropped")
	}
	return r
}

func newOutcomes(features []mutator.Feature) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "egraft_mutator_outcomes_total", Help: "What mutators did, by resource that they applied to.",
	}, []string{"hook", "mutator", "result"})
	for i := range features {
		f := &features[i]
		for _, h := range f.Hooks {
			for _, r := range results(f, h) {
				c.WithLabelValues(string(h), f.Name, r)
			}
		}
	}
	return c
}
