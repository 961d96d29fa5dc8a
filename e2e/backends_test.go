//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestPolicies tests the effects of policies on backends, targets and each other, in one
// environment.
func TestPolicies(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Backends: backendsForAll()})
	f.run("Upgrade", (*fixture).upgrade)
	f.run("Leave", (*fixture).leave)
	f.run("Deny", (*fixture).deny)
	f.run("active health checks", (*fixture).healthChecks)
	f.run("any identity of the trust domain", (*fixture).anyIdentity)
	f.run("invalid for a route", (*fixture).invalidForRoute)
	f.run("invalid for a listener", (*fixture).invalidForListener)
	f.run("HTTPRoute and its rule", (*fixture).routeAndRule)
	f.run("GRPCRoute", (*fixture).grpcRoute)
	f.run("listener", (*fixture).listener)
	f.run("route beats Gateway", (*fixture).routeBeatsGateway)
	f.run("older wins", (*fixture).olderWins)
	f.run("first name wins", (*fixture).firstNameWins)
}

// upgrade: a backend that Envoy Gateway treats as cleartext gets mutual TLS, and never cleartext
// again.
func (f *fixture) upgrade() {
	tls, cleartextOnly := f.tlsRoute(), f.recorder()
	f.routes(echoRoute, tls, cleartextOnly.route("upgraded", ""))
	f.until("upgraded.example.com", "a response before the policy", recordedAnswer)
	policy := f.Policy()
	policy.PlaintextBackends = "Upgrade"
	f.effect(policy, echoRoute.Host(), seesEnvoy)
	f.until(tls.Host(), "the SVID", seesEnvoy)
	f.until("upgraded.example.com", "a rejection", envoy.Status(503))
	before := cleartextOnly.cleartext.Load()
	for range 20 {
		require.Equal(f.t, 503, f.get("upgraded.example.com", "/").Status)
	}
	require.Equal(f.t, before, cleartextOnly.cleartext.Load(), "cleartext connections")
}

// leave: cleartext connections stay cleartext, and TLS connections get the SVID.
func (f *fixture) leave() {
	tls := f.tlsRoute()
	f.routes(plainRoute, tls)
	f.until(plainRoute.Host(), "a response before the policy", cleartext)
	policy := f.Policy()
	policy.PlaintextBackends = "Leave"
	requests := f.traffic(plainRoute.Host())
	f.effect(policy, tls.Host(), seesEnvoy)
	requests.waitServed(20)
	requests.mustAllBeServed()
	require.True(f.t, cleartext(f.get(plainRoute.Host(), "/")))
}

// deny: cleartext backends are unreachable, and TLS connections get the SVID.
func (f *fixture) deny() {
	tls, denied := f.tlsRoute(), f.recorder()
	route := denied.route("denied", "")
	f.routes(tls, route)
	f.until(route.Host(), "a response before the policy", recordedAnswer)
	policy := f.Policy()
	policy.PlaintextBackends = "Deny"
	f.effect(policy, route.Host(), rejected(503, noBackend))
	f.until(tls.Host(), "the SVID", seesEnvoy)
	denied.mustStayUntouched(f, standalone.ListenerAddress, route.Host())
}

// healthChecks: the health checks of a cleartext backend use the SVID once a policy upgrades it,
// even on a separate port. If that port has no TLS, no endpoint is healthy, and the policy's
// outcome explains what the checks do.
func (f *fixture) healthChecks() {
	same, other := manifest.Route{Name: "same", Port: 3443}, manifest.Route{Name: "other", Port: 3443}
	f.routes(same, other)
	for _, c := range []struct{ route, port string }{{same.Name, "3443"}, {other.Name, "3080"}} {
		f.apply("checks-"+c.route, strings.NewReplacer("NAME", c.route, "PORT", c.port).Replace(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: NAME, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: NAME}]
  healthCheck:
    panicThreshold: 0
    active: {type: HTTP, overrides: {port: PORT}, interval: 1s, timeout: 1s, unhealthyThreshold: 1, healthyThreshold: 1, http: {path: /, expectedStatuses: [200]}}
`))
	}
	f.until(same.Host(), "a failed check, which is in cleartext", rejected(503, noBackend))
	f.until(other.Host(), "a check that passes, and a backend that wants TLS", envoy.Status(400))
	from := standalone.LogEnd(f.Egraft)
	policy := f.Policy()
	policy.PlaintextBackends = "Upgrade"
	f.effect(policy, same.Host(), seesEnvoy)
	f.until(other.Host(), "a failed check, which is by TLS", rejected(503, noBackend))
	_, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the outcome to tell of health checks", func(l standalone.Line) bool {
		return l.Message() == "configuration changed" && strings.Contains(fmt.Sprint(l["policies"]), "active health checks use TLS, too, on every port")
	})
	f.must(err)
}

// anyIdentity: the backend has an SVID of the trust domain and the name that Envoy Gateway expects,
// but is not the one that the policy names.
func (f *fixture) anyIdentity() {
	other := manifest.Route{Name: "other", Port: 3444, Hostname: "other.example.org", CA: f.SPIFFE.Bundle()}
	tls := f.tlsRoute()
	f.routes(other, tls)
	f.effect(f.Policy(), tls.Host(), seesEnvoy)
	f.until(other.Host(), "a rejection", envoy.Status(503))
	_, err := f.WaitAccessLog(f.soon(), other.Host(), "CERTIFICATE_VERIFY_FAILED")
	f.must(err)

	policy := f.Policy()
	policy.AllowAny = true
	f.effect(policy, other.Host(), func(r *envoy.Response) bool {
		return seesEnvoy(r) && r.Echo.Self == manifest.ID("/other")
	})
	f.until(tls.Host(), "the SVID", seesEnvoy)
}
