//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/faulty"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/pkg/mutator"
)

// faultyProgram is the program of e2e/cmd/faulty.
const faultyProgram parts.Name = "faulty"

// Listeners that TestFaults has in addition to the two of all environments.
const (
	thirdListenerAddress = "127.0.0.1:8891"
	tcpListenerAddress   = "127.0.0.1:8892"
)

// fault is a mutator that fails, and the visible result for its target.
type fault struct {
	faulty.Fault
	route    manifest.Route
	listener string
	denied   func(*envoy.Response) bool
	backend  *recorder
}

// faults returns one for each kind of resource that traffic depends on, and for each way to fail.
func faults() []*fault {
	denied, empty := rejected(500, deniedByEgraft), rejected(503, noBackend)
	return []*fault{
		{faulty.Fault{Hook: mutator.HookRoute, Kind: mutator.KindRoute, How: faulty.Error, Name: "/a-route/"}, manifest.Route{Name: "a-route", Section: "http"}, standalone.ListenerAddress, denied, nil},
		{faulty.Fault{Hook: mutator.HookVirtualHost, Kind: mutator.KindVirtualHost, How: faulty.Panic, Name: "a-host_"}, manifest.Route{Name: "a-host", Section: "http"}, standalone.ListenerAddress, denied, nil},
		{faulty.Fault{Hook: mutator.HookTranslation, Kind: mutator.KindCluster, How: faulty.Slow, Name: "/a-cluster/"}, manifest.Route{Name: "a-cluster", Section: "http"}, standalone.ListenerAddress, empty, nil},
		{faulty.Fault{Hook: mutator.HookEndpoints, Kind: mutator.KindEndpoints, How: faulty.Hang, Name: "/endpoints/"}, manifest.Route{Name: "endpoints", Section: "http"}, standalone.ListenerAddress, empty, nil},
		{faulty.Fault{Hook: mutator.HookHTTPListener, Kind: mutator.KindListener, How: faulty.Error, Name: xdsListener("second")}, manifest.Route{Name: "a-listener", Section: "second"}, standalone.SecondListenerAddress, denied, nil},
		{faulty.Fault{Hook: mutator.HookTranslation, Kind: mutator.KindRouteConfiguration, How: faulty.Panic, Name: xdsRoutes("third")}, manifest.Route{Name: "configuration", Section: "third"}, thirdListenerAddress, denied, nil},
	}
}

// TestFaults: a mutator fails on one resource of each kind, in each of the ways to fail. Its
// target, which served before, is denied and nothing reaches a backend. Resources with another
// mutator or none are unaffected.
func TestFaults(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Program: faultyProgram, Egraft: []string{"--mutator-timeout", "300ms"}, Listeners: []string{
		"{name: third, protocol: HTTP, port: 8891}",
		"{name: tcp, protocol: TCP, port: 8892}",
	}})
	all := faults()
	told := []faulty.Fault{{Hook: mutator.HookHTTPListener, Kind: mutator.KindListener, How: faulty.Panic, Name: xdsListener("tcp")}}
	for _, each := range all {
		told = append(told, each.Fault)
		each.backend = f.recorder()
		each.route.Port = each.backend.port
		f.routes(each.route)
		f.untilFrom(each.listener, each.route.Host(), "a response", recordedAnswer)
	}
	tcp := f.recorder()
	f.must(f.Apply(f.ctx, "tcp", tcpRoute(tcp.port)))
	f.untilFrom(tcpListenerAddress, "any.example.com", "a response", recordedAnswer)
	protected := echoRoute // with a policy of another mutator, in effect before and after
	protected.Section = "http"
	plain := plainRoute
	plain.Section = "http"
	f.routes(protected, plain)
	f.effect(f.policy("HTTPRoute", protected.Name, ""), protected.Host(), seesEnvoy)
	f.until(plain.Host(), "a response", cleartext)
	others, secured := f.traffic(plain.Host()), f.traffic(protected.Host())

	f.must(f.Egraft.Stop())
	f.Egraft.Environ = []string{faulty.Variable + "=" + faulty.Format(told...)}
	f.must(f.StartEgraft(f.soon()))
	// The Route hook is called for routes with a policy. This one's backend has no identity.
	f.policies(f.policy("HTTPRoute", "a-route", ""))
	for _, each := range all {
		f.untilFrom(each.listener, each.route.Host(), "a denial", each.denied)
		each.backend.mustStayUntouched(f, each.listener, each.route.Host())
	}
	f.closed(tcp)
	others.waitServed(20)
	others.mustAllBeServed()
	secured.mustAllBeServed()
	f.faultsAreCounted(all)
}

// tcpRoute returns a route from the TCP listener to a port.
func tcpRoute(port int) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: tcp, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: tcp}]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: tcp}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: tcp, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, port)
}

// closed waits until the TCP listener closes connections without sending a byte, and fails the test
// if one of them reaches the backend.
func (f *fixture) closed(backend *recorder) {
	f.t.Helper()
	get := func(ctx context.Context) error {
		response, err := envoy.Get(ctx, tcpListenerAddress, "any.example.com", "/")
		if err == nil {
			return fmt.Errorf("got %s", response)
		}
		return nil
	}
	f.wait("the listener for TCP to close connections", get)
	before := backend.connections.Load()
	for range 20 {
		f.must(get(f.soon()))
	}
	require.Equal(f.t, before, backend.connections.Load(), "connections to the backend of the listener for TCP")
}

// faultsAreCounted checks egraft's metrics for the contained faults.
func (f *fixture) faultsAreCounted(all []*fault) {
	f.t.Helper()
	page, err := f.EgraftAdmin(f.soon(), "/metrics")
	f.must(err)
	series := func(hook mutator.Hook, result string) string {
		return fmt.Sprintf(`egraft_mutator_results_total{feature=%q,hook=%q,result=%q}`, faulty.Name, hook, result)
	}
	also := map[string]string{faulty.Panic: "panicked", faulty.Slow: "timed-out", faulty.Hang: "timed-out"}
	for _, each := range all {
		require.Positive(f.t, value(f.t, page, series(each.Hook, "denied")), each.String())
		if result := also[each.How]; result != "" {
			require.Positive(f.t, value(f.t, page, series(each.Hook, result)), each.String())
		}
		if each.How == faulty.Hang { // once for each different input in the translations
			require.InDelta(f.t, value(f.t, page, series(each.Hook, "timed-out")), value(f.t, page, "egraft_abandoned_goroutines"), 0, each.String())
		}
	}
}
