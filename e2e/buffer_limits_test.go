//go:build e2e

package e2e

import (
	"fmt"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// bufferConnectionLimit: a ClientTrafficPolicy's limit is in effect on routes without a
// BufferPolicy, and for filters also if it is higher than that of a policy with LimitOnly.
func (f *fixture) bufferConnectionLimit() {
	b := f.uploadBackend()
	full, lua, none, again := f.uploads("full", "http", b), f.uploads("lua", "http", b), f.uploads("none", "http", b), f.uploads("again", "http", b)
	f.apply("reads-or-repeats", readsOrRepeats)
	f.bufferPolicy("for-full", "kind: HTTPRoute, name: full", "maxRequestBytes: 64Ki")
	f.bufferPolicy("for-lua", "kind: HTTPRoute, name: lua", "maxRequestBytes: 50Ki, mode: LimitOnly")
	f.bufferPolicy("for-again", "kind: HTTPRoute, name: again", "maxRequestBytes: 20Ki, mode: LimitOnly")
	f.untilUploaded(none, 33*ki, 413) // the default
	f.untilUploaded(full, bufferLimit+1, 413)
	f.untilUploaded(lua, 50*ki, 200)
	for limit, most := range map[int]int{10 * ki: 50 * ki, 200 * ki: 200 * ki} {
		f.apply("limit", fmt.Sprintf(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: limit, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  connection: {bufferLimit: %d}
`, limit))
		f.untilUploaded(none, limit+1, 413)
		f.untilUploaded(none, limit, 200)
		f.takes(full, bufferLimit)
		f.takes(lua, most)
		require.Equal(f.t, 2, f.attempts(full, bufferLimit, b)) // a buffered request can be sent again
		require.Equal(f.t, 2, f.attempts(again, 20*ki, b))
		require.Equal(f.t, 1, f.attempts(again, 20*ki+1, b))
	}
}

// readsOrRepeats has filters that need the whole body, and retries of requests.
const readsOrRepeats = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: reads, namespace: default}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: lua}
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: none}
  lua: [{type: Inline, inline: "function envoy_on_request(request_handle) request_handle:body() end"}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: repeats, namespace: default}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: full}
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: again}
  retry: {numRetries: 1, retryOn: {httpStatusCodes: [503]}}
`

// attempts returns how often the backend gets a request to which it responds with an error.
func (f *fixture) attempts(host string, size int, b *uploadBackend) int {
	f.t.Helper()
	f.posted(host, "/fail", size, 503)
	n := len(b.began)
	for range n {
		<-b.began
	}
	return n
}

// bufferBesideRequestBuffer: a BackendTrafficPolicy of the Gateway, and BufferPolicies of the
// Gateway, a listener and routes.
func (f *fixture) bufferBesideRequestBuffer() {
	b := f.uploadBackend()
	theirs, limited, open, wrong := f.uploads("theirs", "http", b), f.uploads("limited", "http", b), f.uploads("open", "http", b), f.uploads("wrong", "http", b)
	f.apply("request-buffer", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: request-buffer, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  requestBuffer: {limit: 10Ki}
`)
	f.bufferPolicy("of-gateway", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.bufferPolicy("of-listener", "kind: Gateway, name: eg, sectionName: http", "maxRequestBytes: 40Ki")
	f.bufferPolicy("of-wrong", "kind: HTTPRoute, name: wrong", "maxRequestBytes: 0")
	f.bufferPolicy("of-limited", "kind: HTTPRoute, name: limited", "maxRequestBytes: 20Ki, mode: LimitOnly")
	f.bufferPolicy("of-open", "kind: HTTPRoute, name: open", "disabled: true")
	f.untilUploaded(limited, 8<<20, 200)
	f.untilUploaded(open, 8<<20, 200)
	f.takes(theirs, 10*ki)
	f.takes(wrong, 10*ki)
}

// wrongBufferPolicies: with Ignore, the policy with the next precedence is in effect. With Deny,
// only the target is rejected, except routes with their own policy.
func (f *fixture) wrongBufferPolicies() {
	b := f.uploadBackend()
	own, none := f.uploads("own", "http", b), f.uploads("none", "http", b)
	calls := f.calls("calls", f.callBackend())
	f.bufferPolicy("of-own", "kind: HTTPRoute, name: own", "maxRequestBytes: 0")
	f.bufferPolicy("of-calls", "kind: GRPCRoute, name: calls", "maxRequestBytes: 0, failurePolicy: Deny")
	f.bufferPolicy("of-gateway", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.untilUploaded(none, bufferLimit+1, 413) // so the others are also in effect
	f.untilUploaded(own, 1, 200)              // a 413 does not need the cluster
	f.takes(own, bufferLimit)
	_, err := said(f.soon(), calls, 1)
	require.Equal(f.t, codes.Unknown, status.Code(err))
	require.ErrorContains(f.t, err, deniedByEgraft)
	f.bufferPolicy("of-own", "kind: HTTPRoute, name: own", "maxRequestBytes: 20Ki")
	f.bufferPolicy("of-gateway", "kind: Gateway, name: eg", "maxRequestBytes: 0, failurePolicy: Deny")
	f.untilUploaded(none, 1, 500)
	f.takes(own, 20*ki)
}
