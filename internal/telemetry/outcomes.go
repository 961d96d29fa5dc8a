package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/egraft/egraft/pkg/mutator"
)

// results lists what a feature can do in a hook, in the words of the engine.
func results(f *mutator.Feature, h mutator.Hook) []string {
	r := []string{"applied", "unchanged", "denied", "ignored", "call-failed", "panicked", "timed-out", "quarantined"}
	if h == mutator.HookTranslation && (f.Additions != nil || f.ClusterVariants != nil) {
		r = append(r, "added", "name-conflict")
	}
	if h == mutator.HookTranslation && f.PrunesSecrets {
		r = append(r, "pruned")
	}
	return r
}

func newOutcomes(features []mutator.Feature) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "egraft_mutator_results_total", Help: "Results of mutators by resource.",
	}, []string{"hook", "feature", "result"})
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
