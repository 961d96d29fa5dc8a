// Package tracing makes OpenTelemetry traces of hook calls: one span for a call, which continues a
// context that Envoy Gateway sends, and one child for each feature that had something to do. It is
// configured by OpenTelemetry's own environment variables, and off without them.
//
// It must not record messages, errors or values of custom resources: spans have names and numbers.
// It must not block a call: spans are exported in the background, and dropped if too many wait.
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

// Config is what traces need besides the environment.
type Config struct {
	// Version is that of egraft, for the attribute service.version.
	Version string
	// IsTraced reports whether calls of a gRPC method, with its service, are traced.
	IsTraced func(fullMethod string) bool
	Log      *slog.Logger
}

// Tracing exports spans. A nil one is off, and its methods do nothing.
type Tracing struct {
	provider *sdktrace.TracerProvider
	handler  stats.Handler
}

// New returns what the environment asks for, nil for nothing. A variable that egraft does not
// support is logged and turns traces off: they must not keep egraft from serving.
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

// identity is the resource that spans are of: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES come
// before what egraft says by itself.
func identity(ctx context.Context, cfg Config) *resource.Resource {
	id, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "egraft"), attribute.String("service.version", cfg.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil { // it has what could be read
		cfg.Log.WarnContext(ctx, "resource attributes of traces are invalid", logging.KeyVariable, "OTEL_RESOURCE_ATTRIBUTES")
	}
	return id
}

// Handlers are for the gRPC server: none if traces are off.
func (t *Tracing) Handlers() []stats.Handler {
	if t == nil {
		return nil
	}
	return []stats.Handler{t.handler}
}

// EngineOptions are for the engine: none if traces are off, so that nothing is timed.
func (t *Tracing) EngineOptions() []engine.Option {
	if t == nil {
		return nil
	}
	return []engine.Option{engine.WithRunObserver(ran)}
}

// Close exports the spans that wait, for some seconds at most.
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

// closeTimeout is short: Kubernetes kills what does not end, and a collector that is away must not
// keep egraft from ending.
const closeTimeout = 3 * time.Second
