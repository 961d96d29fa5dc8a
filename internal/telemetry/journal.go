package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Journal is the statistics of the journal.
type Journal struct {
	// Bytes and Calls are its size, and Dropped is the number of calls that could not be kept.
	Bytes, Calls, Dropped uint64
}

// journalCollectors read the statistics when Prometheus scrapes.
func journalCollectors(cfg Config) []prometheus.Collector {
	value := func(name, help string, of func(Journal) uint64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(cfg.Journal())) })
	}
	return []prometheus.Collector{
		value("egraft_journal_bytes", "Size of the journal.", func(j Journal) uint64 { return j.Bytes }),
		value("egraft_journal_calls", "Hook calls in the journal.", func(j Journal) uint64 { return j.Calls }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "egraft_journal_dropped_total", Help: "Hook calls that are not in the journal, because a newer one came first or there was no room.",
		}, func() float64 { return float64(cfg.Journal().Dropped) }),
		gauge("egraft_limit_journal_bytes", "Maximum size of the journal.", float64(cfg.JournalBytes)),
	}
}
