//go:build e2e

package e2e

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// invalidForRoute: an invalid policy denies its route from the first moment on; other routes are
// unaffected.
func (f *fixture) invalidForRoute() {
	backend := f.recorder()
	route := backend.route("mistaken", "")
	f.routes(plainRoute)
	f.until(plainRoute.Host(), "a response", cleartext)
	others := f.traffic(plainRoute.Host())
	from := standalone.LogEnd(f.Egraft)
	f.policies(invalid(f.policy("HTTPRoute", route.Name, "")))
	f.routes(route)
	f.until(route.Host(), "a denial", rejected(500, deniedByEgraft))
	backend.mustStayUntouched(f, standalone.ListenerAddress, route.Host())
	require.Zero(f.t, backend.connections.Load(), "connections since the route exists")
	f.notInEffect(from, "for-httproute-mistaken", "Invalid", "spec.peers")
	others.mustAllBeServed()
}

// invalidForListener: the same for the routes of one listener, which were served before.
func (f *fixture) invalidForListener() {
	backend := f.recorder()
	route, other := backend.route("mistaken", "second"), plainRoute
	other.Section = "http" // a route on both listeners would be denied on both
	f.routes(other, route)
	f.untilFrom(standalone.SecondListenerAddress, route.Host(), "a response", recordedAnswer)
	others := f.traffic(other.Host())
	from := standalone.LogEnd(f.Egraft)
	f.policies(invalid(f.policy("Gateway", "eg", "second")))
	f.untilFrom(standalone.SecondListenerAddress, route.Host(), "a denial", rejected(503, noBackend))
	backend.mustStayUntouched(f, standalone.SecondListenerAddress, route.Host())
	f.notInEffect(from, "for-gateway-eg-second", "Invalid", "spec.peers")
	others.mustAllBeServed()
}

// notInEffect waits until egraft reports that a policy is not in effect, and why.
func (f *fixture) notInEffect(from int64, policy, reason, text string) {
	f.t.Helper()
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, policy+" not to be in effect", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "BackendMTLSPolicy default/"+policy
	})
	f.must(err)
	require.Equal(f.t, reason, line["reason"])
	require.Contains(f.t, line["message"], text)
}

// untilFrom waits for a response on another listener.
func (f *fixture) untilFrom(listener, host, what string, wanted func(*envoy.Response) bool) *envoy.Response {
	f.t.Helper()
	var last *envoy.Response
	f.wait(host+" on "+listener+": "+what, func(ctx context.Context) (err error) {
		if last, err = envoy.Get(ctx, listener, host, "/"); err == nil && !wanted(last) {
			err = fmt.Errorf("got %s", last)
		}
		return err
	})
	return last
}
