package telemetry

import "github.com/prometheus/client_golang/prometheus"

func newOutcomes(cfg Config) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "egraft_mutator_results_total", Help: "Results of mutators by resource.",
	}, []string{"hook", "feature", "result"})
	for i := range cfg.Features {
		f := &cfg.Features[i]
		for _, h := range f.Hooks {
			for _, r := range cfg.Results(f, h) {
				c.WithLabelValues(string(h), f.Name, r)
			}
		}
	}
	return c
}
