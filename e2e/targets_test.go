//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// rulesRoute is an HTTPRoute with two named rules, each with its own backend: one requires a client
// certificate, and the other uses cleartext.
const rulesRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: rules, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [rules.example.com]
  rules:
    - name: strict
      matches: [{path: {type: PathPrefix, value: /strict}}]
      backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: rules-strict}]
    - name: open
      matches: [{path: {type: PathPrefix, value: /open}}]
      backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: rules-open}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: rules-strict, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3443}}]}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: rules-open, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3080}}]}
`

const grpcRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: grpc, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [grpc.example.com]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: grpc}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: grpc, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: 3443}}]}
`

// routeAndRule: a policy for a route affects only the route, and one for a rule only the rule.
// Route metadata does not reach Envoy.
func (f *fixture) routeAndRule() {
	f.route("rules", "rules.example.com", rulesRoute)
	f.routes(echoRoute, plainRoute)
	f.until(plainRoute.Host(), "a response", cleartext)
	f.policies(f.policy("HTTPRoute", "rules", "strict"))
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	f.untilPath("rules.example.com", "/strict", seesEnvoy)
	f.must(f.WaitSettled(f.soon()))
	require.True(f.t, cleartext(f.get("rules.example.com", "/open")))
	require.True(f.t, cleartext(f.get(plainRoute.Host(), "/")))
	f.noMarksOnRoutes("rules", echoRoute.Name)
}

// noMarksOnRoutes requires that Envoy's route configurations do not contain egraft's metadata.
func (f *fixture) noMarksOnRoutes(present ...string) {
	f.t.Helper()
	for _, resource := range []string{"dynamic_route_configs", "dynamic_listeners"} {
		page, err := f.EnvoyAdmin(f.soon(), "/config_dump?resource="+resource)
		f.must(err)
		require.NotContains(f.t, string(page), "egraft.io")
		require.NotContains(f.t, string(page), "BackendMTLSPolicy")
		for _, name := range present {
			if resource == "dynamic_route_configs" {
				require.Contains(f.t, string(page), "httproute/default/"+name+"/")
			}
		}
	}
}

// grpcRoute: a policy for a GRPCRoute, whose backend uses HTTP/2.
func (f *fixture) grpcRoute() {
	f.route("grpc", "grpc.example.com", grpcRoute)
	f.policies(f.policy("GRPCRoute", "grpc", ""))
	f.wait("the SVID", func(ctx context.Context) error {
		response, err := envoy.GetHTTP2(ctx, standalone.ListenerAddress, "grpc.example.com", "/echo.Echo/Say")
		if err == nil && !seesEnvoy(response) {
			err = fmt.Errorf("got %s", response)
		}
		if err == nil && response.Echo.Proto != "HTTP/2.0" {
			err = fmt.Errorf("the backend saw %s", response.Echo.Proto)
		}
		return err
	})
}

// listener: a policy for one listener does not affect the routes of the other.
func (f *fixture) listener() {
	first, second := echoRoute, plainRoute
	first.Section, second.Section = "http", "second"
	f.routes(first, second)
	f.untilFrom(standalone.SecondListenerAddress, second.Host(), "a response", cleartext)
	f.effect(f.policy("Gateway", "eg", "http"), first.Host(), seesEnvoy)
	f.must(f.WaitSettled(f.soon()))
	for range 10 {
		f.untilFrom(standalone.SecondListenerAddress, second.Host(), "a response", cleartext)
	}
	cluster, err := f.RouteCluster(f.soon(), second.Name)
	f.must(err)
	require.NotContains(f.t, fmt.Sprint(cluster), "egraft.io")
}

// routeBeatsGateway: the Gateway's policy lists a wrong peer, and the route's own another identity
// of Envoy.
func (f *fixture) routeBeatsGateway() {
	identity := f.entitled("/of-route")
	other := manifest.Route{Name: "of-gateway", Port: 3443}
	f.routes(echoRoute, other)
	closer := f.policy("HTTPRoute", echoRoute.Name, "")
	closer.Identity = identity.Path
	f.policies(f.wrongPeer())
	f.effect(closer, echoRoute.Host(), envoy.Peer(identity.ID()))
	f.until(other.Host(), "a rejection", envoy.Status(503))
	f.must(f.WaitSettled(f.soon()))
	require.Equal(f.t, identity.ID(), f.get(echoRoute.Host(), "/").Echo.Peer)
}

// olderWins: if two policies have the same target, the older one is in effect, whatever its name.
func (f *fixture) olderWins() {
	older, newer := f.Policy(), f.wrongPeer()
	older.Name, older.Created = "z-older", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	newer.Name, newer.Created = "a-newer", older.Created.Add(time.Hour)
	f.oneWins(older, newer, "is older")
}

// firstNameWins: if two policies have the same age, the first by name is in effect.
func (f *fixture) firstNameWins() {
	first, last := f.Policy(), f.wrongPeer()
	first.Name, last.Name = "a-first", "z-last"
	f.oneWins(first, last, "is as old and comes first by name")
}

func (f *fixture) oneWins(winner, loser manifest.Policy, why string) {
	f.t.Helper()
	from := standalone.LogEnd(f.Egraft)
	f.routes(echoRoute)
	f.policies(loser, winner)
	f.until(echoRoute.Host(), "the SVID", seesEnvoy)
	f.notInEffect(from, loser.Name, "Conflicted", winner.Name+" "+why+" and has the same target")
	f.must(f.WaitSettled(f.soon()))
	require.True(f.t, seesEnvoy(f.get(echoRoute.Host(), "/")))
}

// entitled entitles Envoy to an additional identity until the end.
func (f *fixture) entitled(path string) standalone.Entry {
	f.t.Helper()
	entry := f.EnvoyEntry(path)
	f.must(f.SPIFFE.AddEntries(f.soon(), entry))
	f.t.Cleanup(func() { f.must(f.SPIFFE.RemoveEntry(f.ctx, entry)) })
	return entry
}

// untilPath waits for a response for a path.
func (f *fixture) untilPath(host, path string, wanted func(*envoy.Response) bool) {
	f.t.Helper()
	f.wait(host+path, func(ctx context.Context) error {
		response, err := f.Get(ctx, host, path)
		if err == nil && !wanted(response) {
			err = fmt.Errorf("got %s", response)
		}
		return err
	})
}
