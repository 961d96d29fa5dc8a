package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Memo is how the engine's memory of answers fares.
type Memo struct {
	// Hits and Misses count resources that were answered from memory, and that could
	// have been.
	Hits, Misses uint64
	// Bytes is about what is kept.
	Bytes uint64
}

// memoCollectors read the memo when Prometheus asks.
func memoCollectors(cfg Config) []prometheus.Collector {
	counter := func(name, help string, of func(Memo) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of(cfg.Memo())) })
	}
	return []prometheus.Collector{
		counter("egraft_memo_hits_total", "Resources that were answered from memory.", func(m Memo) uint64 { return m.Hits }),
		counter("egraft_memo_misses_total", "Resources that could have been answered from memory, had they been there.", func(m Memo) uint64 { return m.Misses }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "egraft_memo_bytes", Help: "About what the memory of answers takes."},
			func() float64 { return float64(cfg.Memo().Bytes) }),
		gauge("egraft_limit_memo_bytes", "About what the memory of answers may take.", float64(cfg.MemoBytes)),
	}
}
