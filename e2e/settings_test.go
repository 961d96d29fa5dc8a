//go:build e2e

package e2e

import (
	"testing"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// hostileSettings is a route with a Backend whose TLS settings Envoy Gateway accepts and Envoy
// rejects.
const hostileSettings = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: hostile, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [hostile.example.com]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: hostile}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: hostile, namespace: default}
spec:
  endpoints: [{ip: {address: 127.0.0.1, port: 3443}}]
  tls: {insecureSkipVerify: true, ecdhCurves: [P-256, P-256]}
`

// TestSettingsOfOneHurtNobodyElse: a TLS context that Envoy cannot build must not keep the SVID
// from contexts that are built after it, neither when the secret arrives nor at a rotation.
func TestSettingsOfOneHurtNobodyElse(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	before, behind := manifest.Route{Name: "before", Port: 3443}, manifest.Route{Name: "victim", Port: 3443}
	f.must(f.Apply(f.ctx, "hostile", hostileSettings))
	f.routes(before, behind)
	f.effect(f.Policy(), before.Host(), seesEnvoy)
	f.until(behind.Host(), "the SVID", seesEnvoy)
	f.until("hostile.example.com", "a rejection", envoy.Status(503))

	serial := f.get(behind.Host(), "/").Echo.Serial
	f.must(f.SPIFFE.Rotate(f.soon()))
	f.until(behind.Host(), "the next SVID", func(r *envoy.Response) bool { return seesEnvoy(r) && r.Echo.Serial != serial })
}
