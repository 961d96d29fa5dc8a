//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestHedgingLimits tests what docs/hedge-filter.md states about requests that are not hedged, and
// about responses that do not count.
func TestHedgingLimits(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--include-attempt-count"}})
	f.run("the other one fails", (*fixture).otherFails)
	f.run("the answer has begun", (*fixture).answerHasBegun)
	f.run("a large request", (*fixture).largeRequest)
	f.run("retry budget", (*fixture).retryBudget)
	f.run("GRPCRoute", (*fixture).grpcIsHedged)
}

// failing responds with an error immediately.
func failing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// otherFails: an error does not count while another endpoint may respond, unless the filter counts
// errors as responses.
func (f *fixture) otherFails() {
	slow, broken := f.slowBackend(slowness), f.countingBackend(failing)
	example := hedgeExample(f.t)
	f.hedgedTo(example, "", slow, broken)
	f.until(hedgedHost, "hedging", func(*envoy.Response) bool { return broken.hedged.Load() > 0 })
	for range 4 {
		require.Equal(f.t, 200, f.get(hedgedHost, "/").Status, "the error does not count")
	}

	const wait = "perTryTimeout: 150ms"
	require.Contains(f.t, example, wait)
	f.must(f.Apply(f.ctx, "hedged", hedgedYAML(strings.Replace(example, wait, wait+"\n  retryOn: [connect-failure]", 1), slow, broken)))
	f.until(hedgedHost, "the error of the other one", envoy.Status(503))
	for range 4 {
		require.Equal(f.t, 503, f.get(hedgedHost, "/").Status, "the error is the first answer")
	}
}

// answerHasBegun: after its start, a response may take any time.
func (f *fixture) answerHasBegun() {
	b := f.countingBackend(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun ")
		_ = http.NewResponseController(w).Flush()
		awhile(r.Context(), 3*perTryTimeout)
		_, _ = io.WriteString(w, "done")
	})
	f.hedgedTo(hedgeExample(f.t), "", b)
	f.until(hedgedHost, "the whole answer", func(r *envoy.Response) bool { return r.Body == "begun done" })
	require.Zero(f.t, b.hedged.Load(), "hedged while the response arrives")
}

// largeRequest: Envoy cannot hedge a request that it did not buffer.
func (f *fixture) largeRequest() {
	a, b := f.slowBackend(3*perTryTimeout), f.slowBackend(3*perTryTimeout)
	f.hedgedTo(hedgeExample(f.t), "", a, b)
	f.until(hedgedHost, "hedging", func(*envoy.Response) bool { return a.hedged.Load()+b.hedged.Load() > 0 })
	hedged := func(size int) int64 {
		before := a.hedged.Load() + b.hedged.Load()
		require.Equal(f.t, http.StatusOK, f.post(size))
		return a.hedged.Load() + b.hedged.Load() - before
	}
	require.EqualValues(f.t, 1, hedged(1<<10), "hedged requests of a kilobyte")
	require.EqualValues(f.t, 0, hedged(1<<20), "hedged requests of a megabyte")
}

// post sends a request with a body.
func (f *fixture) post(size int) (status int) {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.soon(), http.MethodPost, "http://"+standalone.ListenerAddress, bytes.NewReader(make([]byte, size)))
	f.must(err)
	request.Host = hedgedHost
	response, err := http.DefaultTransport.RoundTrip(request)
	f.must(err)
	f.must(response.Body.Close())
	return response.StatusCode
}

// retryBudget: of many concurrent slow requests, no more than the budget are hedged.
func (f *fixture) retryBudget() {
	a, b := f.slowBackend(slowness), f.slowBackend(slowness)
	f.hedgedTo(hedgeExample(f.t), `---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: hedged, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: hedged}]
  circuitBreaker: {retryBudget: {percent: {numerator: 0}, minRetryConcurrency: 2}}
`, a, b)
	f.until(hedgedHost, "hedging", func(*envoy.Response) bool { return a.hedged.Load()+b.hedged.Load() > 0 })
	before := a.hedged.Load() + b.hedged.Load()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if response, err := envoy.Get(f.soon(), standalone.ListenerAddress, hedgedHost, "/"); err != nil || response.Status != 200 {
				f.t.Errorf("%v, %v", response, err)
			}
		})
	}
	all.Wait()
	require.EqualValues(f.t, 2, a.hedged.Load()+b.hedged.Load()-before, "hedged requests out of 8 concurrent slow ones")
}

const hedgedGRPC = `
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {name: hedge, namespace: default}
spec: {perTryTimeout: 150ms}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: hedged, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [hedged.example.com]
  rules:
  - filters: [{type: ExtensionRef, extensionRef: {group: egraft.io, kind: HedgeFilter, name: hedge}}]
    backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: hedged}]
`

// grpcIsHedged: the filter works in a GRPCRoute.
func (f *fixture) grpcIsHedged() {
	slow, fast := f.slowBackend(slowness), f.slowBackend(0)
	f.route("hedged", hedgedHost, hedgedYAML(hedgedGRPC, slow, fast))
	f.wait("hedging", func(ctx context.Context) error {
		begin := time.Now()
		response, err := envoy.GetHTTP2(ctx, standalone.ListenerAddress, hedgedHost, "/echo.Echo/Say")
		switch {
		case err != nil:
			return err
		case response.Status != 200:
			return fmt.Errorf("got %s", response)
		case fast.hedged.Load() == 0:
			return fmt.Errorf("not hedged after %s", time.Since(begin))
		}
		return nil
	})
}
