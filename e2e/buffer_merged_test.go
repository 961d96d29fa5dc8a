//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/egraft/egraft/e2e/standalone"
)

// otherGateway has the same name and listener names as the environment's own Gateway, but is in
// another namespace. Its first listener shares the port with the own Gateway's.
const otherGateway = `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: shop}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, protocol: HTTP, port: 8888, hostname: "*.example.org"}
  - {name: second, protocol: HTTP, port: 8890}
`

// TestBufferingMerged: Gateways that share Envoy listeners do not share policies.
func TestBufferingMerged(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{MergeGateways: true})
	f.run("policies of each", (*fixture).bufferMerged)
}

// uploadsToShop applies an HTTPRoute of the other Gateway to the backend.
func (f *fixture) uploadsToShop(name, host string, b *uploadBackend) string {
	f.t.Helper()
	f.route(name, host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: shop}
spec:
  parentRefs: [{name: eg}]
  hostnames: [%[2]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: shop}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[3]d}}]}
`, name, host, b.port))
	return host
}

// bufferMerged: each policy applies only to routes of its own Gateway, although both share a port
// and a filter chain. The same holds for policies of a listener and of a route with the same names.
func (f *fixture) bufferMerged() {
	b := f.uploadBackend()
	f.apply("other-gateway", otherGateway)
	ours, theirs := f.uploads("same", "http", b), f.uploadsToShop("theirs", "same.example.org", b)
	f.untilUploaded(ours, 8<<20, 200)
	f.untilUploaded(theirs, 8<<20, 200)

	f.bufferPolicy("of-ours", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.untilUploaded(ours, bufferLimit+1, 413)
	f.takes(ours, bufferLimit)
	f.takesAll(theirs)
	f.shopPolicy("of-theirs", "kind: Gateway, name: eg, sectionName: http", "maxRequestBytes: 20Ki")
	f.untilUploaded(theirs, 20*ki+1, 413)
	f.takes(theirs, 20*ki)
	f.takes(ours, bufferLimit)

	f.must(f.Delete(f.ctx, "of-ours"))
	f.untilUploaded(ours, 8<<20, 200)
	f.takes(theirs, 20*ki)
	f.shopPolicy("wrong", "kind: Gateway, name: eg", "maxRequestBytes: 0, failurePolicy: Deny")
	f.must(f.Delete(f.ctx, "of-theirs"))
	f.untilUploaded(theirs, 1, 500)
	f.takesAll(ours)
}

// shopPolicy applies a BufferPolicy in the namespace of the other Gateway.
func (f *fixture) shopPolicy(name, target, spec string) {
	f.t.Helper()
	f.apply(name, fmt.Sprintf(`
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {name: %s, namespace: shop}
spec: {targetRefs: [{group: gateway.networking.k8s.io, %s}], %s}
`, name, target, spec))
}
