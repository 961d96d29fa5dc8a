package telemetry

import "github.com/prometheus/client_golang/prometheus"

// guardCollectors count mutators that misbehaved.
func guardCollectors(cfg Config) []prometheus.Collector {
	read := func(name, help string, of func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
	}
	return []prometheus.Collector{
		read("egraft_abandoned_goroutines", "Timed-out mutator goroutines still running.", cfg.Abandoned),
		read("egraft_quarantined_inputs", "Quarantined inputs: mutators skip them for a while after a panic or timeout.", cfg.Quarantined),
		gauge("egraft_limit_mutator_seconds", "Timeout of a mutator on one resource, in seconds.", cfg.MutatorTimeout.Seconds()),
	}
}
