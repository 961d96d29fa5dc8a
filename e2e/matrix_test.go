//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/matrix"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/doctor"
)

// TestMatrix proves each built-in feature with traffic, in the cell of the compatibility matrix
// that the environment selects, see package matrix.
func TestMatrix(t *testing.T) {
	needs(t, here)
	versions, err := parts.ChosenVersions()
	require.NoError(t, err)
	c := &cell{matrix.Cell{EnvoyGateway: versions.EnvoyGateway, Envoy: versions.Envoy}, startFor(t, 8*time.Minute, standalone.Options{
		Listeners: tlsListeners, Egraft: []string{"--include-attempt-count"},
	})}
	run := map[string]func(*fixture){
		"backend-mtls": (*fixture).matrixBackend, matrix.RouteTargets: c.routeTargets, "buffer": (*fixture).matrixBuffer,
		"hedge": (*fixture).oneIsSlow, "original-destination": (*fixture).destinationInMetadata, "frontend-mtls": (*fixture).matrixFrontend,
		"filter-policy": (*fixture).matrixFilter, "http-filter": (*fixture).matrixHTTPFilter, "xds-patch-policy": (*fixture).matrixPatch,
		"denial": (*fixture).matrixDenial, "doctor": c.doctorKnowsTheRelease,
	}
	require.Len(t, run, len(matrix.Features()))
	for _, feature := range matrix.Features() {
		require.NotNil(t, run[feature.ID], feature.ID)
		c.run(feature.ID, run[feature.ID])
	}
}

// cell is the environment of a cell.
type cell struct {
	matrix.Cell
	*fixture
}

// matrixBackend: with a policy of the Gateway, Envoy presents its SVID and accepts only the listed
// backend.
func (f *fixture) matrixBackend() {
	impostor := manifest.Route{Name: "impostor", Port: 3444} // port of the backend "other"
	f.routes(echoRoute, impostor)
	f.until(impostor.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
	f.until(impostor.Host(), "a rejection of the backend", envoy.Status(503))
}

// routeTargets: a policy of an HTTPRoute is in effect only there, or is not sent.
func (c *cell) routeTargets(f *fixture) {
	other := manifest.Route{Name: "unprotected", Port: 3443}
	f.routes(echoRoute, other)
	f.until(echoRoute.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	policy := f.policy("HTTPRoute", echoRoute.Name, "")
	if !c.Delivers(matrix.FeatureOf(matrix.RouteTargets)) {
		f.notDelivered(policy)
		return
	}
	f.effect(policy, echoRoute.Host(), seesEnvoy)
	f.until(other.Host(), "the route without a policy", envoy.Status(400))
}

// notDelivered: the release does not send the policy. Another one, sent later, is in effect while
// this one is not.
func (f *fixture) notDelivered(policy manifest.Policy) {
	f.policies(policy)
	later := f.policy("Gateway", "eg", "second")
	late := manifest.Route{Name: "later", Port: 3443, Section: "second"}
	f.routes(late)
	f.policies(later)
	f.untilFrom(standalone.SecondListenerAddress, late.Host(), "the policy of the listener", seesEnvoy)
	require.Equal(f.t, 400, f.get(echoRoute.Host(), "/").Status, "the policy of the route is not to be in effect")
}

// matrixBuffer: a policy of the Gateway limits requests.
func (f *fixture) matrixBuffer() {
	host := f.uploads("buffered", "http", f.uploadBackend())
	f.untilUploaded(host, 8<<20, 200)
	f.bufferPolicy("matrix-buffer", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.untilUploaded(host, bufferLimit+1, 413)
	f.takes(host, bufferLimit)
}

// matrixFrontend: a listener presents Envoy's SVID, and serves only the listed client.
func (f *fixture) matrixFrontend() {
	front := &frontend{fixture: f}
	clients := f.svidsFor("/client", "/stranger")
	front.client, front.stranger = clients["/client"], clients["/stranger"]
	f.apply("secrets", certificateSecret(f.t, "first", mutualHost)+certificateSecret(f.t, "second", ordinaryHost))
	f.route("frontend", "frontend.example.com", frontendRoute)
	front.eventually("the ordinary certificate", front.nobody, mutualHost, func(r *tlsResponse) bool { return r.status == 200 })
	f.apply("policy", front.documented(0))
	front.eventually("Envoy's SVID", front.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	front.mustReject(front.stranger, unknownCertificate)
	front.mustReject(front.nobody, noCertificate)
	front.ordinaryIsUntouched()
}

// matrixFilter: a policy of the Gateway adds an HTTP filter.
func (f *fixture) matrixFilter() {
	f.filteredRoute(filteredHost, f.countingBackend(filterBackend).port)
	f.until(filteredHost, "a response", envoy.Status(200))
	f.apply("matrix-filter", strings.NewReplacer("kind: HTTPRoute", "kind: Gateway", "name: web", "name: eg").Replace(filterPage(f.t)[""]))
	f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, header("x-served-by", "egraft"), filteredHost, true) })
}

// matrixHTTPFilter: a rule refers to a filter.
func (f *fixture) matrixHTTPFilter() {
	f.route("tagged", taggedHost, filterPage(f.t)[ofARule]+fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: tagged, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, f.countingBackend(filterBackend).port))
	f.tagged("X-Tagged=yes 200", "X-Tagged= 200")
}

// matrixPatch: a policy of the Gateway changes its listeners.
func (f *fixture) matrixPatch() {
	f.filteredRoute(unfilteredHost, f.countingBackend(filterBackend).port)
	f.until(unfilteredHost, "a response", envoy.Status(200))
	f.must(f.is(f.soon(), largeHeadersPass, unfilteredHost, false))
	f.apply("matrix-patch", strings.Replace(examplesOf(f.t, "../docs/xds-patch-policy.md")[""], "name: headers", "name: matrix-patch", 1))
	f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, largeHeadersPass, unfilteredHost, true) })
}

// matrixDenial: an invalid policy denies its listener, and another listener is unaffected.
func (f *fixture) matrixDenial() {
	backend := f.recorder()
	route, other := backend.route("mistaken", "second"), plainRoute
	other.Section = "http"
	f.routes(other, route)
	f.untilFrom(standalone.SecondListenerAddress, route.Host(), "a response", recordedAnswer)
	f.policies(invalid(f.policy("Gateway", "eg", "second")))
	f.untilFrom(standalone.SecondListenerAddress, route.Host(), "a denial", rejected(http.StatusServiceUnavailable, noBackend))
	backend.mustStayUntouched(f, standalone.SecondListenerAddress, route.Host())
	require.True(f.t, cleartext(f.get(other.Host(), "/")))
}

// doctorKnowsTheRelease: the doctor finds no problems except what the release does not deliver.
func (c *cell) doctorKnowsTheRelease(f *fixture) {
	report, code := f.doctor()
	require.Empty(f.t, problems(report, doctor.Failed))
	require.Zero(f.t, code)
	warnings := problems(report, doctor.Warning)
	if c.Delivers(matrix.FeatureOf(matrix.RouteTargets)) {
		require.Empty(f.t, warnings)
		return
	}
	require.Equal(f.t, map[string][]string{
		"UnsupportedVersion": {fmt.Sprintf("Envoy Gateway has version v%s, but egraft is tested with v1.9.x", c.EnvoyGateway)},
		"NotInRelease":       {fmt.Sprintf("Envoy Gateway v%s does not send policies that target HTTPRoutes or GRPCRoutes", c.EnvoyGateway)},
	}, warnings)
}
