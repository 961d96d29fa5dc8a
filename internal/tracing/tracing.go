// Package tracing makes OpenTelemetry traces of hook calls: one span for a call, which continues
// the trace context that Envoy Gateway sends, and one child for each feature with work to do. It is
// configured by OpenTelemetry's own environment variables, and off without them.
//
// It must not record messages, errors or values of custom resources: spans have names and numbers.
// It must not block a call: spans are exported in the background, and dropped if too many are waiting.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/stats"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/logging"
)

// Config is the configuration of traces besides the environment.
type Config struct {
	// Version is egraft's version, for the attribute service.version.
	Version string
	// IsTraced reports whether calls of a gRPC method, with its service, are traced.
	IsTraced func(fullMethod string) bool
	Log      *slog.Logger
}

// Tracing exports spans. If it is nil, tracing is off, and its methods do nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	handler  stats.Handler
}

// New returns tracing as configured by the environment, nil if it is off. An unsupported variable
// is logged and turns tracing off: it must not keep egraft from serving.
//
// OpenTelemetry's SDK reads the environment of the process, and has one logger for the process,
// which New replaces.
func New(ctx context.Context, cfg Config) (*Tracing, error) {
	p, err := chosen()
	if err != nil {
		cfg.Log.WarnContext(ctx, "traces are off", logging.KeyError, err)
	}
	if p == off {
		return nil, nil
	}
	logWith(cfg.Log)
	exporter, err := p.exporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	return newTracing(cfg, identity(ctx, cfg), sdktrace.NewBatchSpanProcessor(&discreet{exporter: exporter, log: cfg.Log})), nil
}

func newTracing(cfg Config, id *resource.Resource, processor sdktrace.SpanProcessor) *Tracing {
	provider := sdktrace.NewTracerProvider(sdktrace.WithResource(id), sdktrace.WithSpanProcessor(processor))
	return &Tracing{provider, otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(provider),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()), // telemetry has the metrics
		otelgrpc.WithPropagators(propagator()),
		otelgrpc.WithFilter(func(i *stats.RPCTagInfo) bool { return cfg.IsTraced(i.FullMethodName) }),
	)}
}

// identity returns the resource that spans belong to: OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES take precedence over egraft's own values.
func identity(ctx context.Context, cfg Config) *resource.Resource {
	id, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "egraft"), attribute.String("service.version", cfg.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil { // the resource has what could be read
		cfg.Log.WarnContext(ctx, "resource attributes of traces are invalid", logging.KeyVariable, "OTEL_RESOURCE_ATTRIBUTES")
	}
	return id
}

// Handlers returns handlers for the gRPC server: none if tracing is off.
func (t *Tracing) Handlers() []stats.Handler {
	if t == nil {
		return nil
	}
	return []stats.Handler{t.handler}
}

// EngineOptions returns options for the engine: none if tracing is off, so that nothing is timed.
func (t *Tracing) EngineOptions() []engine.Option {
	if t == nil {
		return nil
	}
	return []engine.Option{engine.WithRunObserver(ran)}
}

// Close exports the waiting spans, for at most some seconds.
func (t *Tracing) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// closeTimeout is short: Kubernetes kills a process that does not end in time, and an unreachable
// collector must not keep egraft from ending.
const closeTimeout = 3 * time.Second
