// Package tracingtest is a fake OpenTelemetry collector, for tests: it keeps the spans that it
// receives over OTLP.
//
// It must not be used outside of tests.
package tracingtest

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Collector receives spans by HTTP and by gRPC until the test ends.
type Collector struct {
	collectorpb.UnimplementedTraceServiceServer
	// HTTP and GRPC are the endpoints in the form of OTEL_EXPORTER_OTLP_ENDPOINT.
	HTTP, GRPC string

	mu       sync.Mutex
	received []*collectorpb.ExportTraceServiceRequest
}

// Start starts a collector.
func Start(t *testing.T) *Collector {
	t.Helper()
	c := &Collector{}
	web := httptest.NewServer(http.HandlerFunc(c.serveHTTP))
	t.Cleanup(web.Close)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(l) }() // ends with the test
	t.Cleanup(server.Stop)
	c.HTTP, c.GRPC = web.URL, "http://"+l.Addr().String()
	return c
}

// Export implements the gRPC service.
func (c *Collector) Export(_ context.Context, r *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received = append(c.received, r)
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func (c *Collector) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	req := &collectorpb.ExportTraceServiceRequest{}
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, req) != nil {
		http.Error(w, "not a request for traces", http.StatusBadRequest)
		return
	}
	_, _ = c.Export(r.Context(), req)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// Received returns all received requests.
func (c *Collector) Received() []*collectorpb.ExportTraceServiceRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*collectorpb.ExportTraceServiceRequest{}, c.received...)
}

// Spans returns the received spans.
func (c *Collector) Spans() (all []*tracepb.Span) {
	for _, r := range c.Received() {
		for _, of := range r.GetResourceSpans() {
			for _, in := range of.GetScopeSpans() {
				all = append(all, in.GetSpans()...)
			}
		}
	}
	return all
}

// Attributes returns the string and number attributes of a span by name.
func Attributes(s *tracepb.Span) map[string]any {
	all := map[string]any{}
	for _, a := range s.GetAttributes() {
		switch v := a.GetValue(); {
		case v.GetStringValue() != "":
			all[a.GetKey()] = v.GetStringValue()
		case v.GetDoubleValue() != 0:
			all[a.GetKey()] = v.GetDoubleValue()
		default:
			all[a.GetKey()] = v.GetIntValue()
		}
	}
	return all
}
