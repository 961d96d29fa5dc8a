package telemetry

import "github.com/prometheus/client_golang/prometheus"

// newWrites counts what is written to Kubernetes, in the words of package kube.
func newWrites() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "egraft_kubernetes_writes_total", Help: "Attempts to write policy outcomes to Kubernetes.",
	}, []string{"write", "result"})
	for _, r := range []string{"written", "present", "outdated", "conflict", "unavailable", "forbidden", "rejected"} {
		c.WithLabelValues("event", r)
		c.WithLabelValues("conditions", r)
	}
	c.WithLabelValues("event", "repeated")
	return c
}

func newDropped() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{
		Name: "egraft_kubernetes_outcomes_dropped_total", Help: "Policy outcomes that were not written to Kubernetes because the queue was full.",
	})
}
