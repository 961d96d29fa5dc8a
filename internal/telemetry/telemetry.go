// Package telemetry collects egraft's metrics for Prometheus.
//
// It has its own registry, served by [Telemetry.Handler]; nothing is registered elsewhere. It must
// not decide or log anything.
package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc/codes"

	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/mutator"
)

// Config describes what to measure.
type Config struct {
	// Features are the features whose results are counted, and Results returns the possible results
	// of a feature in a hook.
	Features []mutator.Feature
	Results  func(*mutator.Feature, mutator.Hook) []string
	// MaxMessageBytes and CallTimeout are limits to export next to the measured values.
	MaxMessageBytes int
	CallTimeout     time.Duration
	Version         version.Info
	// Modules are the features that are not built in.
	Modules []FeatureModule
	// Writes are the possible results of writes to Kubernetes, by kind of write.
	Writes map[string][]string
	// MutatorTimeout is a limit, too. Abandoned returns the number of timed-out mutator goroutines
	// that are still running, Quarantined the number of quarantined inputs.
	MutatorTimeout         time.Duration
	Abandoned, Quarantined func() int
	// Cache returns the statistics of the cache, and CacheBytes is its limit.
	Cache      func() Cache
	CacheBytes int64
	// Journal returns the statistics of the journal, and JournalBytes is its limit.
	Journal      func() Journal
	JournalBytes int64
	// Checks runs egraft's checks on itself; it may be nil.
	Checks func() []Check
}

// Telemetry holds the metrics of one process.
type Telemetry struct {
	registry *prometheus.Registry
	calls    calls
	outcomes *prometheus.CounterVec
	policies *policies
	writes   *prometheus.CounterVec
	dropped  prometheus.Counter
}

// New makes the metrics, with a series for each hook and outcome from the start: a rate needs a
// first value, and a hook that is never called must show as 0.
func New(cfg Config) *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry(), calls: newCalls(), outcomes: newOutcomes(cfg), policies: newPolicies(cfg.Features), writes: newWrites(cfg.Writes), dropped: newDropped()}
	t.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		t.outcomes,
		t.policies,
		t.writes,
		t.dropped,
		gauge("egraft_limit_message_bytes", "Largest message that egraft receives or sends.", float64(cfg.MaxMessageBytes)),
		gauge("egraft_limit_call_seconds", "Timeout of a hook call, in seconds.", cfg.CallTimeout.Seconds()),
		buildInfo(cfg.Version),
		featureInfo(cfg.Modules),
		newChecks(cfg.Checks),
	)
	t.registry.MustRegister(t.calls.collectors()...)
	t.registry.MustRegister(cacheCollectors(cfg)...)
	t.registry.MustRegister(journalCollectors(cfg)...)
	t.registry.MustRegister(guardCollectors(cfg)...)
	return t
}

// Call counts a hook call. The sizes are those of the messages on the wire.
func (t *Telemetry) Call(hook string, code codes.Code, took time.Duration, requestBytes, responseBytes int) {
	t.calls.observe(hook, code, took, requestBytes, responseBytes)
}

// Outcomes counts the results of a mutator for n resources.
func (t *Telemetry) Outcomes(hook mutator.Hook, feature, result string, n int) {
	t.outcomes.WithLabelValues(string(hook), feature, result).Add(float64(n))
}

// Written counts an attempt to write an outcome to Kubernetes.
func (t *Telemetry) Written(what, result string) { t.writes.WithLabelValues(what, result).Inc() }

// Dropped counts an outcome that was not written because too many were waiting.
func (t *Telemetry) Dropped() { t.dropped.Inc() }

// Handler serves the metrics.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

func gauge(name, help string, v float64) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	g.Set(v)
	return g
}

func buildInfo(v version.Info) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "egraft_build_info", Help: "Always 1; the labels have the version of egraft.",
		ConstLabels: prometheus.Labels{
			"version": v.Version, "commit": v.Commit, "goversion": v.Go, "envoy_gateway": v.EnvoyGateway,
		},
	})
	g.Set(1)
	return g
}
