package tracing

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Environment variables that select the protocol. The exporters and the SDK read all others, such
// as OTEL_TRACES_SAMPLER, OTEL_BSP_* and OTEL_EXPORTER_OTLP_*.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
const (
	envDisabled       = "OTEL_SDK_DISABLED"
	envExporter       = "OTEL_TRACES_EXPORTER"
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envProtocol       = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envTracesProtocol = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	envPropagators    = "OTEL_PROPAGATORS"
)

// protocol is how spans are sent. off means not at all.
type protocol string

const (
	off      protocol = ""
	overHTTP protocol = "http/protobuf"
	overGRPC protocol = "grpc"
)

// chosen returns the protocol that the environment selects. Unlike the specification, it requires
// an endpoint unless the exporter is named: without any variable there are no traces.
func chosen() (protocol, error) {
	if strings.EqualFold(os.Getenv(envDisabled), "true") {
		return off, nil
	}
	switch exporter := os.Getenv(envExporter); exporter {
	case "none":
		return off, nil
	case "otlp":
	case "":
		if os.Getenv(envEndpoint) == "" && os.Getenv(envTracesEndpoint) == "" {
			return off, nil
		}
	default:
		return off, fmt.Errorf("%s %q is not supported; use otlp or none", envExporter, exporter)
	}
	for _, name := range []string{envTracesProtocol, envProtocol} {
		switch p := protocol(os.Getenv(name)); p {
		case "":
		case overHTTP, overGRPC:
			return p, nil
		default:
			return off, fmt.Errorf("%s %q is not supported; use %s or %s", name, p, overHTTP, overGRPC)
		}
	}
	return overHTTP, nil // the specification's default
}

func (p protocol) exporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if p == overGRPC {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// propagator returns a propagator for the traceparent header of W3C Trace Context, unless
// OTEL_PROPAGATORS excludes it.
func propagator() propagation.TextMapPropagator {
	names := os.Getenv(envPropagators)
	if names == "" || slices.Contains(strings.Split(strings.ReplaceAll(names, " ", ""), ","), "tracecontext") {
		return propagation.TraceContext{}
	}
	return propagation.NewCompositeTextMapPropagator()
}
