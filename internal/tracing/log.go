package tracing

import (
	"log/slog"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"

	"github.com/egraft/egraft/internal/logging"
)

// logWith sends what OpenTelemetry's SDK reports to the log. By itself it writes lines to standard
// error.
func logWith(log *slog.Logger) {
	otel.SetLogger(logr.New(sink{log}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("fault of traces", logging.KeyError, shortened(err.Error()))
	}))
}

// sink logs errors of the SDK by their message alone. Their values can be secret: the one of
// OTEL_EXPORTER_OTLP_HEADERS is, if the variable cannot be read.
type sink struct{ log *slog.Logger }

func (sink) Init(logr.RuntimeInfo)               {}
func (sink) Enabled(int) bool                    { return false }
func (sink) Info(int, string, ...any)            {}
func (s sink) WithValues(...any) logr.LogSink    { return s }
func (s sink) WithName(string) logr.LogSink      { return s }
func (s sink) Error(_ error, m string, _ ...any) { s.log.Warn("fault of traces", logging.KeyError, m) }
