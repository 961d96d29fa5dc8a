package telemetry

import "github.com/prometheus/client_golang/prometheus"

// newWrites returns the counter of writes to Kubernetes.
func newWrites(results map[string][]string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "egraft_kubernetes_writes_total", Help: "Attempts to write policy outcomes to Kubernetes.",
	}, []string{"write", "result"})
	for write, all := range results {
		for _, r := range all {
			c.WithLabelValues(write, r)
		}
	}
	return c
}

func newDropped() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name: "egraft_kubernetes_outcomes_dropped_total", Help: "Policy outcomes that were not written to Kubernetes because the queue was full.",
	})
}
