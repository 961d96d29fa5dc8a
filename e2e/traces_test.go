//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/tracing/tracingtest"
)

// TestTraces: the real Envoy Gateway calls egraft, and a fake collector receives the spans.
func TestTraces(t *testing.T) {
	needs(t, here)
	collector := tracingtest.Start(t)
	f := start(t, standalone.Options{EgraftLater: true})
	f.Egraft.Environ = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector.HTTP, "OTEL_BSP_SCHEDULE_DELAY=100"}
	f.must(f.StartEgraft(f.soon()))
	f.routes(echoRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	var call, feature *tracepb.Span
	f.wait("the span of a translation, and of a feature that changed a cluster in it", func(context.Context) error {
		if call, feature = edited(collector.Spans()); feature == nil {
			return errors.New("there is none")
		}
		return nil
	})
	t.Logf("%s %v\n%s %v", call.GetName(), tracingtest.Attributes(call), feature.GetName(), tracingtest.Attributes(feature))
	require.Equal(t, call.GetTraceId(), feature.GetTraceId())
	require.Equal(t, "default/eg", tracingtest.Attributes(call)["egraft.gateways"])
	require.EqualValues(t, 1, tracingtest.Attributes(call)["egraft.policies.Programmed"])
}

// edited returns a translation, and a feature's span in it that was not a cache hit.
func edited(spans []*tracepb.Span) (call, feature *tracepb.Span) {
	for _, s := range spans {
		if s.GetName() != "feature backend-mtls" || tracingtest.Attributes(s)["egraft.mutator.runs"] == int64(0) {
			continue
		}
		at := slices.IndexFunc(spans, func(c *tracepb.Span) bool { return bytes.Equal(c.GetSpanId(), s.GetParentSpanId()) })
		if at >= 0 && tracingtest.Attributes(spans[at])["egraft.hook"] == "Translation" {
			return spans[at], s
		}
	}
	return nil, nil
}
