//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// slowness is the response time of a slow backend, and perTryTimeout the one in
// docs/hedge-filter.md.
const (
	slowness      = 1500 * time.Millisecond
	perTryTimeout = 150 * time.Millisecond
)

// TestHedging tests docs/hedge-filter.md on the real parts: its unmodified example, and its
// statements.
func TestHedging(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--include-attempt-count"}})
	f.run("one backend of two is slow", (*fixture).oneIsSlow)
	f.run("both are slow", (*fixture).bothAreSlow)
	f.run("circuit breaker", (*fixture).noRetriesLeft)
	f.run("route ends before", (*fixture).routeEndsBefore)
}

// slowBackend counts requests by attempt before it responds.
type slowBackend struct {
	port   int
	answer http.HandlerFunc
	first  atomic.Int64
	hedged atomic.Int64
	all    atomic.Int64
}

// slowBackend returns a backend that responds after a delay.
func (f *fixture) slowBackend(delay time.Duration) *slowBackend {
	f.t.Helper()
	return f.countingBackend(func(w http.ResponseWriter, r *http.Request) {
		awhile(r.Context(), delay)
		_, _ = fmt.Fprint(w, delay)
	})
}

// awhile waits for a delay, or until the request is cancelled.
func awhile(ctx context.Context, delay time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(delay):
	}
}

func (f *fixture) countingBackend(answer http.HandlerFunc) *slowBackend {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	b := &slowBackend{port: listener.Addr().(*net.TCPAddr).Port, answer: answer}
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, Protocols: protocols}
	f.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return b
}

// ServeHTTP implements http.Handler.
func (b *slowBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.all.Add(1)
	switch r.Header.Get("X-Envoy-Attempt-Count") {
	case "1":
		b.first.Add(1)
	case "2":
		b.hedged.Add(1)
	}
	b.answer(w, r)
}

// hedgeExample returns the resources of the page's example.
func hedgeExample(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../docs/hedge-filter.md")
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, example)
	require.Contains(t, string(example[1]), "perTryTimeout: "+perTryTimeout.String())
	return string(example[1])
}

const hedgedHost = "hedged.example.com"

// hedgedTo applies the example with endpoints and additional resources.
func (f *fixture) hedgedTo(example, more string, backends ...*slowBackend) {
	f.t.Helper()
	f.route("hedged", hedgedHost, hedgedYAML(example, backends...)+more)
}

func hedgedYAML(example string, backends ...*slowBackend) string {
	var endpoints []string
	for _, b := range backends {
		endpoints = append(endpoints, fmt.Sprintf("{ip: {address: 127.0.0.1, port: %d}}", b.port))
	}
	return example + fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: hedged, namespace: default}
spec: {endpoints: [%s]}
`, strings.Join(endpoints, ", "))
}

// latency sends requests and returns the longest response time.
func (f *fixture) latency(requests int) (longest time.Duration) {
	f.t.Helper()
	for range requests {
		begin := time.Now()
		response := f.get(hedgedHost, "/")
		require.Equal(f.t, 200, response.Status, "%s", response)
		longest = max(longest, time.Since(begin))
	}
	return longest
}

func withoutFilter(example string) string {
	return regexp.MustCompile(`(?s)  - filters:.*?    backendRefs:`).ReplaceAllString(example, "  - backendRefs:")
}

// oneIsSlow: without the filter, requests take as long as the slow backend; with it, little longer
// than its per-try timeout.
func (f *fixture) oneIsSlow() {
	slow, fast := f.slowBackend(slowness), f.slowBackend(0)
	example := hedgeExample(f.t)
	f.hedgedTo(withoutFilter(example), "", slow, fast)
	f.until(hedgedHost, "a response", envoy.Status(200))
	var without time.Duration
	for tries, before := 0, slow.all.Load(); tries < 100 && slow.all.Load() == before; tries++ {
		without = f.latency(1) // of a backend that Envoy chooses at random
	}
	require.GreaterOrEqual(f.t, without, slowness, "without hedging")
	require.Zero(f.t, slow.hedged.Load()+fast.hedged.Load(), "requests sent once more without hedging")

	f.must(f.Apply(f.ctx, "hedged", hedgedYAML(example, slow, fast)))
	f.until(hedgedHost, "hedging", func(r *envoy.Response) bool { return r.Status == 200 && slow.hedged.Load()+fast.hedged.Load() > 0 })
	before := slow.first.Load()
	with := f.latency(20)
	f.t.Logf("a request to the slow backend without hedging: %s, the longest of 20 with it: %s; %d went to the slow backend first and were sent once more", without, with, slow.first.Load()-before)
	require.Less(f.t, with, slowness, "with hedging")
	require.Positive(f.t, fast.hedged.Load(), "the other backend was asked")
	require.LessOrEqual(f.t, fast.hedged.Load(), slow.first.Load(), "one request more for each slow one at the most")
}

// bothAreSlow: the first response counts, and no more requests are sent than the filter permits.
func (f *fixture) bothAreSlow() {
	a, b := f.slowBackend(slowness), f.slowBackend(slowness)
	f.hedgedTo(hedgeExample(f.t), "", a, b)
	f.until(hedgedHost, "hedging", func(*envoy.Response) bool { return a.hedged.Load()+b.hedged.Load() > 0 })
	first, hedged := a.first.Load()+b.first.Load(), a.hedged.Load()+b.hedged.Load()
	require.Less(f.t, f.latency(4), slowness+time.Second)
	require.EqualValues(f.t, 4, a.first.Load()+b.first.Load()-first)
	require.EqualValues(f.t, 4, a.hedged.Load()+b.hedged.Load()-hedged, "each request is sent once more, and not twice")
}

// noRetriesLeft: the circuit breaker counts hedged requests as retries.
func (f *fixture) noRetriesLeft() {
	a, b := f.slowBackend(slowness), f.slowBackend(slowness)
	f.hedgedTo(hedgeExample(f.t), `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: hedged, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: hedged}]
  circuitBreaker: {maxParallelRetries: 0}
`, a, b)
	f.until(hedgedHost, "a response", envoy.Status(200))
	require.Less(f.t, f.latency(3), slowness+time.Second)
	require.Zero(f.t, a.hedged.Load()+b.hedged.Load(), "hedged requests past the circuit breaker")
}

// routeEndsBefore: a filter that can have no effect reports that, and the route serves.
func (f *fixture) routeEndsBefore() {
	b := f.slowBackend(0)
	from := f.logEnd("egraft")
	f.hedgedTo(strings.Replace(hedgeExample(f.t), "  - filters:", "  - timeouts: {request: 100ms}\n    filters:", 1), "", b)
	f.until(hedgedHost, "a response", envoy.Status(200))
	f.loggedJSON("egraft", from, "why there is no hedging", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "HedgeFilter default/hedge" && l["reason"] == "ApplyFailed" &&
			strings.Contains(fmt.Sprint(l["message"]), "spec.perTryTimeout is 150ms, and the route's requests end after 100ms; nothing was changed")
	})
}
