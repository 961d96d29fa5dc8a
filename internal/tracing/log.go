package tracing

import (
	"log/slog"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"

	"github.com/egraft/egraft/internal/logging"
)

// logWith redirects reports of OpenTelemetry's SDK to the log. By default, the SDK writes them to
// standard error.
func logWith(log *slog.Logger) {
	otel.SetLogger(logr.New(sink{log}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("tracing error", logging.KeyError, shortened(err.Error()))
	}))
}

// sink logs only the messages of the SDK's errors. Their values can be secret, such as the value of
// OTEL_EXPORTER_OTLP_HEADERS if it cannot be parsed.
type sink struct{ log *slog.Logger }

func (sink) Init(logr.RuntimeInfo)               {}
func (sink) Enabled(int) bool                    { return false }
func (sink) Info(int, string, ...any)            {}
func (s sink) WithValues(...any) logr.LogSink    { return s }
func (s sink) WithName(string) logr.LogSink      { return s }
func (s sink) Error(_ error, m string, _ ...any) { s.log.Warn("tracing error", logging.KeyError, m) }
