package tracing

import (
	"context"
	"log/slog"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/egraft/egraft/internal/logging"
)

// discreet exports spans without error messages, because these may quote user input. It logs an
// export failure once, until an export succeeds.
type discreet struct {
	exporter sdktrace.SpanExporter
	log      *slog.Logger
	failing  atomic.Bool
}

// ExportSpans implements [sdktrace.SpanExporter]. It returns no error, because the SDK would pass
// it to its error handler for each batch.
func (d *discreet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	quiet := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		quiet[i] = withoutMessages{s}
	}
	err := d.exporter.ExportSpans(ctx, quiet)
	switch was := d.failing.Swap(err != nil); {
	case err != nil && !was:
		d.log.WarnContext(ctx, "cannot export traces, spans are dropped", logging.KeyError, shortened(err.Error()))
	case err == nil && was:
		d.log.InfoContext(ctx, "traces are exported again")
	}
	return nil
}

// Shutdown implements [sdktrace.SpanExporter].
func (d *discreet) Shutdown(ctx context.Context) error { return d.exporter.Shutdown(ctx) }

// withoutMessages is a span without a status description and without events.
type withoutMessages struct{ sdktrace.ReadOnlySpan }

func (s withoutMessages) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}

func (s withoutMessages) Events() []sdktrace.Event { return nil }

// maxErrorBytes limits what a collector can write to the log: the error contains its response.
const maxErrorBytes = 300

func shortened(text string) string {
	if len(text) > maxErrorBytes {
		return text[:maxErrorBytes] + "…"
	}
	return text
}
