package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/egraft/egraft/pkg/mutator"
)

// calls are the metrics of Envoy Gateway's calls.
type calls struct {
	total         *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	requestBytes  *prometheus.HistogramVec
	responseBytes *prometheus.HistogramVec
	last          *prometheus.GaugeVec
	largest       *prometheus.GaugeVec
	hooks         map[string]*series
}

// series are the series of a hook, so that a call need not look them up.
type series struct {
	ok                                    prometheus.Counter
	duration, requestBytes, responseBytes prometheus.Observer
	last, largest                         prometheus.Gauge
	state                                 state
}

func newCalls() calls {
	c := calls{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "egraft_calls_total", Help: "Hook calls by gRPC status code.",
		}, []string{"hook", "code"}),
		duration: histogram("egraft_call_duration_seconds", "Time from the first byte of a call to the end of its response.",
			prometheus.ExponentialBucketsRange(0.0005, 32, 17)),
		requestBytes:  histogram("egraft_request_bytes", "Size of the message that Envoy Gateway sent.", sizes()),
		responseBytes: histogram("egraft_response_bytes", "Size of the message that egraft responded with.", sizes()),
		last: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "egraft_last_call_timestamp_seconds", Help: "Unix time of the end of the last hook call; 0 if there was none.",
		}, []string{"hook"}),
		largest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "egraft_largest_message_bytes", Help: "Size of the largest message of a hook since the start, in either direction.",
		}, []string{"hook"}),
		hooks: map[string]*series{},
	}
	for _, h := range mutator.Hooks() {
		c.hooks[string(h)] = c.create(string(h))
		for _, code := range failures() {
			c.total.WithLabelValues(string(h), code.String())
		}
	}
	return c
}

// failures returns the codes with which egraft itself responds. Their series exist from the start,
// because an increase needs a first value.
func failures() []codes.Code {
	return []codes.Code{codes.InvalidArgument, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Internal}
}

// sizes returns buckets from 1 KiB to 256 MiB.
func sizes() []float64 { return prometheus.ExponentialBuckets(1<<10, 4, 10) }

func histogram(name, help string, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"hook"})
}

// create makes the series of a hook.
func (c calls) create(hook string) *series {
	return &series{
		ok:       c.total.WithLabelValues(hook, codes.OK.String()),
		duration: c.duration.WithLabelValues(hook), last: c.last.WithLabelValues(hook), largest: c.largest.WithLabelValues(hook),
		requestBytes: c.requestBytes.WithLabelValues(hook), responseBytes: c.responseBytes.WithLabelValues(hook),
	}
}

func (c calls) observe(hook string, code codes.Code, took time.Duration, requestBytes, responseBytes int) {
	s, known := c.hooks[hook]
	if !known {
		s = c.create(hook)
	}
	if code == codes.OK {
		s.ok.Inc()
	} else {
		c.total.WithLabelValues(hook, code.String()).Inc()
	}
	s.duration.Observe(took.Seconds())
	s.requestBytes.Observe(float64(requestBytes))
	s.responseBytes.Observe(float64(responseBytes))
	s.last.SetToCurrentTime()
	s.largest.Set(float64(s.state.observe(code, requestBytes, responseBytes)))
}

func (c calls) collectors() []prometheus.Collector {
	return []prometheus.Collector{c.total, c.duration, c.requestBytes, c.responseBytes, c.last, c.largest}
}
