package tracing_test

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	extensionpb "github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/tracing"
	"github.com/egraft/egraft/internal/tracing/tracingtest"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

const (
	secret  = "hunter2"
	traceID = "0af7651916cd43dd8448eb211c80319c"
	parent  = "b7ad6b7169203331"
)

type uncounted struct{}

func (uncounted) Outcomes(mutator.Hook, string, string, int) {}

func (uncounted) Policies(string, []mutator.PolicyOutcome) {}

// feature returns a feature that edits clusters in the Translation hook.
func feature(name string, onError mutator.FailurePolicy, edit func(*clusterv3.Cluster) error) mutator.Feature {
	return mutator.Feature{
		Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: onError,
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error { return edit(c) }},
	}
}

// traced serves features with the tracing that the environment configures. The returned function ends it.
func traced(t *testing.T, log *slog.Logger, onError mutator.FailurePolicy) (extensionpb.EnvoyGatewayExtensionClient, func()) {
	t.Helper()
	hooks := extension.Hooks()
	traces, err := tracing.New(t.Context(), tracing.Config{Version: "v1", Log: log, IsTraced: func(m string) bool { return hooks[m] != "" }})
	require.NoError(t, err)
	features := []mutator.Feature{
		feature("names", mutator.Deny, func(c *clusterv3.Cluster) error { c.AltStatName = "x"; return nil }),
		feature("fails", onError, func(*clusterv3.Cluster) error { return errors.New(secret) }),
	}
	e, err := engine.New(features, append(traces.EngineOptions(), engine.WithCache(1<<20))...)
	require.NoError(t, err)
	options := []grpc.ServerOption{grpc.ForceServerCodecV2(wire.Codec())}
	for _, h := range traces.Handlers() {
		options = append(options, grpc.StatsHandler(h))
	}
	s := grpc.NewServer(options...)
	extension.New(extension.Config{Engine: e, Log: slog.New(slog.DiscardHandler), Observer: uncounted{}}).Register(s)
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return extensionpb.NewEnvoyGatewayExtensionClient(conn), func() { s.GracefulStop(); traces.Close(t.Context()) }
}

func translation(clusters ...string) *extensionpb.PostTranslateModifyRequest {
	r := &extensionpb.PostTranslateModifyRequest{}
	for _, name := range clusters {
		r.Clusters = append(r.Clusters, &clusterv3.Cluster{Name: name})
	}
	return r
}

func named(spans []*tracepb.Span, name string) (found []*tracepb.Span) {
	for _, s := range spans {
		if strings.HasSuffix(s.GetName(), name) {
			found = append(found, s)
		}
	}
	return found
}

// TestSpans makes a call with a trace context over both protocols.
func TestSpans(t *testing.T) {
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			collector := tracingtest.Start(t)
			t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", map[string]string{"grpc": collector.GRPC, "http/protobuf": collector.HTTP}[protocol])
			t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=envoy-gateway-system")
			client, end := traced(t, slog.New(slog.DiscardHandler), mutator.Ignore)
			ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+traceID+"-"+parent+"-01")
			_, err := client.PostTranslateModify(ctx, translation("a", "b", "c"))
			require.NoError(t, err)
			end()

			spans := collector.Spans()
			require.Len(t, spans, 3, "one of the call and one for each feature, of three clusters")
			call := named(spans, "PostTranslateModify")[0]
			require.Equal(t, traceID, hex.EncodeToString(call.GetTraceId()))
			require.Equal(t, parent, hex.EncodeToString(call.GetParentSpanId()))
			require.Equal(t, "Translation", tracingtest.Attributes(call)["egraft.hook"])
			require.EqualValues(t, 3, tracingtest.Attributes(call)["egraft.resources.Cluster"])
			requireFeatures(t, spans, call)
			requireResource(t, collector)
			for _, r := range collector.Received() {
				require.NotContains(t, r.String(), secret, "messages of errors are not exported")
			}
		})
	}
}

func requireFeatures(t *testing.T, spans []*tracepb.Span, call *tracepb.Span) {
	t.Helper()
	names, fails := named(spans, "feature names")[0], named(spans, "feature fails")[0]
	for _, s := range []*tracepb.Span{names, fails} {
		require.Equal(t, call.GetSpanId(), s.GetParentSpanId())
		require.GreaterOrEqual(t, s.GetStartTimeUnixNano(), call.GetStartTimeUnixNano())
		require.LessOrEqual(t, s.GetEndTimeUnixNano(), call.GetEndTimeUnixNano())
		require.Less(t, s.GetStartTimeUnixNano(), s.GetEndTimeUnixNano())
	}
	of := tracingtest.Attributes(names)
	require.EqualValues(t, 3, of["egraft.results.applied"])
	require.EqualValues(t, 3, of["egraft.mutator.runs"])
	require.Positive(t, of["egraft.mutator.seconds"])
	require.EqualValues(t, 3, tracingtest.Attributes(fails)["egraft.results.ignored"])
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, fails.GetStatus().GetCode())
	require.Equal(t, tracepb.Status_STATUS_CODE_UNSET, names.GetStatus().GetCode())
}

func requireResource(t *testing.T, c *tracingtest.Collector) {
	t.Helper()
	all := map[string]string{}
	for _, a := range c.Received()[0].GetResourceSpans()[0].GetResource().GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	require.Subset(t, all, map[string]string{"service.name": "egraft", "service.version": "v1", "service.namespace": "envoy-gateway-system"})
}

// TestErrorsOfCalls: the gRPC message is not exported as the status description.
func TestErrorsOfCalls(t *testing.T) {
	collector := tracingtest.Start(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.HTTP)
	client, end := traced(t, slog.New(slog.DiscardHandler), mutator.Fail)
	_, err := client.PostTranslateModify(t.Context(), translation("a"))
	require.ErrorContains(t, err, secret)
	end()
	call := named(collector.Spans(), "PostTranslateModify")[0]
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, call.GetStatus().GetCode())
	for _, r := range collector.Received() {
		require.NotContains(t, r.String(), secret)
	}
}

// TestOff: without an endpoint, or if the environment turns tracing off, nothing is timed or sent.
func TestOff(t *testing.T) {
	for name, env := range map[string][]string{
		"nothing set":       {},
		"disabled":          {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=TRUE"},
		"no exporter":       {"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_EXPORTER=none"},
		"unknown exporter":  {"OTEL_TRACES_EXPORTER=zipkin"},
		"unknown protocol":  {"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/json"},
		"unknown for trace": {"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range env {
				k, v, _ := strings.Cut(e, "=")
				t.Setenv(k, v)
			}
			var log strings.Builder
			traces, err := tracing.New(t.Context(), tracing.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
			require.NoError(t, err)
			require.Nil(t, traces)
			require.Nil(t, traces.Handlers())
			require.Nil(t, traces.EngineOptions())
			traces.Close(t.Context())
			require.Equal(t, strings.HasPrefix(name, "unknown"), strings.Contains(log.String(), "is not supported"), log.String())
		})
	}
}

// TestNotSampled: calls that are not sampled are neither timed nor sent.
func TestNotSampled(t *testing.T) {
	collector := tracingtest.Start(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.HTTP)
	client, end := traced(t, slog.New(slog.DiscardHandler), mutator.Ignore)
	_, err := client.PostTranslateModify(t.Context(), translation("a"))
	require.NoError(t, err)
	end()
	require.Empty(t, collector.Spans())
}

// TestCollectorIsAway: without a collector, calls are served, and one line is logged.
func TestCollectorIsAway(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", secret)
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var log strings.Builder
	client, end := traced(t, slog.New(slog.NewTextHandler(&log, nil)), mutator.Ignore)
	_, err := client.PostTranslateModify(t.Context(), translation("a"))
	require.NoError(t, err)
	end()
	require.Equal(t, 1, strings.Count(log.String(), "cannot export traces, spans are dropped"), log.String())
	require.Contains(t, log.String(), "tracing error", "the headers have no name")
	require.NotContains(t, log.String(), secret)
}

// TestNoCostWhenOff: a call without a span allocates no memory.
func TestNoCostWhenOff(t *testing.T) {
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		got, call := tracing.Begin(ctx)
		call.End(got, nil, nil)
	}))
}
