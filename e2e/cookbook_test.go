//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// cookbook returns the examples of docs/cookbook by their headings.
func cookbook(t *testing.T) map[string]string {
	t.Helper()
	pages, err := filepath.Glob("../docs/cookbook/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	out := map[string]string{}
	for _, page := range pages {
		maps.Copy(out, examplesOf(t, page))
	}
	return out
}

// recipe is the expected effect of a cookbook example.
type recipe struct {
	// effect is the effect of the example, on the route web unless stated otherwise.
	effect filterEffect
	// isGateways means that the effect is on all routes of the Gateway.
	isGateways bool
	// host is the host of the route, if it is a different one, which world creates.
	host  string
	world func(*fixture)
}

// deadHost is the host of a route whose backend does not listen.
const deadHost = "dead.example.com"

// cookbookOptions returns the options that the examples need: grants, annotations in the log, and
// fast cluster updates.
func cookbookOptions() standalone.Options {
	return standalone.Options{
		Egraft: []string{
			"--namespace-rules", `namespaces=*;filters=cache;patches=Listener:socket_options,Route:metadata.filter_metadata["log"]`,
			"--fast-cluster-updates",
		},
		AccessLog: " team=%METADATA(ROUTE:log:team)%",
	}
}

// TestCookbook applies each example of docs/cookbook to the real parts: traffic shows its effect
// only where expected, and no longer after the example is deleted.
func TestCookbook(t *testing.T) {
	needs(t, here)
	for name, change := range map[string]func(*standalone.Options){
		"single Gateways": func(*standalone.Options) {},
		"merged Gateways and other names": func(o *standalone.Options) {
			o.MergeGateways, o.Gateway = true, "runtimeFlags: {enabled: [XDSNameSchemeV2]}"
		},
	} {
		t.Run(name, func(t *testing.T) {
			options := cookbookOptions()
			change(&options)
			f := startFor(t, 12*time.Minute, options)
			f.cook()
			f.healthy(f.soon())
		})
	}
}

func (f *fixture) cook() {
	f.t.Helper()
	web, other := f.countingBackend(patchedBackend), f.countingBackend(patchedBackend)
	for host, port := range map[string]int{filteredHost: web.port, unfilteredHost: other.port, deadHost: 1} {
		f.annotatedRoute(host, port)
	}
	f.until(filteredHost, "a response", envoy.Status(200))
	f.until(unfilteredHost, "a response", envoy.Status(200))
	examples, all := cookbook(f.t), f.recipes(web.port)
	require.Len(f.t, examples, len(all), "examples of the cookbook that are not tried")
	for heading, r := range all {
		require.Contains(f.t, examples, heading)
		f.run(heading, func(f *fixture) { f.try(withoutAnnotations.Replace(examples[heading]), r) })
		if r.world == nil {
			f.wait("the world without the example", func(ctx context.Context) error { return f.is(ctx, r.effect, filteredHost, false) })
		}
	}
}

// withoutAnnotations is for the file provider of Envoy Gateway 1.9.1, which drops annotations:
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/resource/load.go#L249
// The golden case "annotations" of the feature covers them.
var withoutAnnotations = strings.NewReplacer("'team' in target.annotations", "target.name == 'web'", "target.annotations['team']", "'checkout'")

func (f *fixture) try(example string, r recipe) {
	host := filteredHost
	if r.world != nil {
		host = r.host
		r.world(f)
	}
	f.apply("example", example)
	f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, r.effect, host, true) })
	switch {
	case r.isGateways: // Envoy's workers, and its old and new sockets, do not change at the same moment.
		f.wait("the effect on the other route", func(ctx context.Context) error { return f.is(ctx, r.effect, unfilteredHost, true) })
	case r.world == nil:
		f.must(f.is(f.soon(), r.effect, unfilteredHost, false))
	}
}

// recipes returns the recipes of the cookbook, for the backend of the route web.
func (f *fixture) recipes(web int) map[string]recipe {
	destination := fmt.Sprintf("127.0.0.1:%d", web)
	return map[string]recipe{
		"Larger request headers":                       {effect: largeHeadersPass, isGateways: true},
		"Limit the number of request headers":          {effect: manyHeadersAreRejected, isGateways: true},
		"Limit the buffer of a connection":             {effect: buffersAreLimited, isGateways: true},
		"Timeouts of one route":                        {effect: routeTimesOut},
		"Adaptive concurrency":                         {effect: concurrencyIsLimited},
		"Keep the client's request ID":                 {effect: requestIDIsKept, isGateways: true},
		"Log annotations of routes":                    {effect: teamIsLogged},
		"A filter for one route":                       {effect: header("X-Got-Route", "web")},
		"Custom error responses":                       {effect: errorsAreOwn, isGateways: true},
		"Change the server header":                     {effect: header("Server", "shop"), isGateways: true},
		"Response cache":                               {effect: responseIsCached},
		"Close connections after a number of requests": {effect: connectionEnds, isGateways: true},
		"TCP keepalive to backends":                    {effect: backendIsProbed},
		"Socket options of listeners":                  {effect: segmentsAreSmall, isGateways: true},
		"Circuit breakers of an OriginalDestinationBackend": {
			effect: circuitBreaks(destination), host: poolHost,
			world: func(f *fixture) {
				f.route("pool", poolHost, f.poolExample())
				f.untilAsked(poolHost, 200, "x-wanted", destination)
				f.must(f.is(f.soon(), circuitBreaks(destination), poolHost, false))
			},
		},
	}
}

// annotatedRoute applies a route on all listeners. Only the route web has the annotation.
func (f *fixture) annotatedRoute(host string, port int) {
	f.t.Helper()
	name, _, _ := strings.Cut(host, ".")
	annotations := ""
	if host == filteredHost {
		annotations = "gateway.envoyproxy.io/team: checkout"
	}
	f.route(name, host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default, annotations: {%[4]s}}
spec:
  parentRefs: [{name: eg}]
  hostnames: [%[2]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[3]d}}]}
`, name, host, port, annotations))
}

// patchedBackend reports what it received, and is otherwise a [filterBackend].
func patchedBackend(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Got-Address", r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
	w.Header().Set("X-Got-Id", r.Header.Get("X-Request-Id"))
	w.Header().Set("X-Got-Route", r.Header.Get("X-Route"))
	filterBackend(w, r)
}
