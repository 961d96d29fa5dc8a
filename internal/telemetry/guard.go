package telemetry

import "github.com/prometheus/client_golang/prometheus"

// guardCollectors tell of mutators that do not do as they should.
func guardCollectors(cfg Config) []prometheus.Collector {
	read := func(name, help string, of func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
	}
	return []prometheus.Collector{
		read("egraft_abandoned_runs", "Runs of mutators that took too long and have not ended.", cfg.Abandoned),
		read("egraft_quarantined_inputs", "Inputs on which mutators are not run for a while because they panicked or took too long.", cfg.Quarantined),
		gauge("egraft_limit_mutator_seconds", "Longest time that a mutator may take for one resource.", cfg.MutatorTimeout.Seconds()),
	}
}
