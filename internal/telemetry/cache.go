package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Cache are the statistics of the engine's cache.
type Cache struct {
	// Hits counts resources whose results came from the cache, and Misses those that could have.
	Hits, Misses uint64
	// Bytes is the approximate size of the cached results.
	Bytes uint64
}

// cacheCollectors read the statistics when Prometheus scrapes.
func cacheCollectors(cfg Config) []prometheus.Collector {
	counter := func(name, help string, of func(Cache) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of(cfg.Cache())) })
	}
	return []prometheus.Collector{
		counter("egraft_cache_hits_total", "Resources whose result was in the cache.", func(c Cache) uint64 { return c.Hits }),
		counter("egraft_cache_misses_total", "Resources whose result could be cached and was not in the cache.", func(c Cache) uint64 { return c.Misses }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "egraft_cache_bytes", Help: "Approximate size of the cache."},
			func() float64 { return float64(cfg.Cache().Bytes) }),
		gauge("egraft_limit_cache_bytes", "Maximum size of the cache.", float64(cfg.CacheBytes)),
	}
}
