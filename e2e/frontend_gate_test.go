//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// gatedHost is served by a listener that responds to requests by TLS only, although it shares its
// port, and so its filter chain and its routes, with the listener "http".
const gatedHost = "victim.gated.example"

// gateListeners are that listener and the one that its clients must use.
var gateListeners = []string{
	"{name: gated, protocol: HTTP, port: 8888, hostname: '*.gated.example'}",
	"{name: https, protocol: HTTPS, port: 8443, hostname: '*.gated.example', tls: {certificateRefs: [{name: first}]}}",
}

// gatePolicies apply to both of them.
const gatePolicies = `
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {name: gated, namespace: default}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: gated}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}
  trustDomain: example.org
  workloadIdentifier: /envoy
  allowAnyInTrustDomain: true
  agent: {socketPath: %s}
`

// TestFrontendGate: no script on another route of the port can redirect a request without TLS to a
// route of a listener that denies it. This holds for scripts on a route of a listener without a
// policy, and on a route that redirects, for which the policy permits requests without TLS.
func TestFrontendGate(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Listeners: gateListeners})
	backend, others := f.recorder(), f.recorder()
	f.apply("certificate", certificateSecret(t, "first", gatedHost))
	f.route("victim", gatedHost, gateRoute("victim", "gated", gatedHost, fmt.Sprintf("backendRefs: [%s]", backendRef("victim")), backend.port))
	f.until(gatedHost, "a response before the policy", recordedAnswer)
	f.apply("gated", fmt.Sprintf(gatePolicies, f.AgentSocket()))
	f.until(gatedHost, "a rejection", rejected(403, "RBAC: access denied"))
	reached := backend.connections.Load()

	const redirect = "filters: [{type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}]"
	own := fmt.Sprintf("backendRefs: [%s]", backendRef("open"))
	for _, attack := range []struct{ name, section, host, path, rule, change string }{
		{"open", "http", "open.example.com", "/", own, `handle:headers():replace(":authority", "` + gatedHost + `")`},
		{"redirect", "gated", "redirect.gated.example", "/", redirect, `handle:headers():replace(":authority", "` + gatedHost + `")`},
		{"path", "gated", gatedHost, "/old/", "matches: [{path: {type: PathPrefix, value: /old}}]\n    " + redirect, `handle:headers():replace(":path", "/")`},
	} {
		t.Run(attack.name, func(t *testing.T) {
			g := &fixture{scenario{env: f.env, t: t, ctx: f.ctx}, f.Environment}
			g.logsOnFailure()
			g.apply(attack.name, gateRoute(attack.name, attack.section, attack.host, attack.rule, others.port)+gateScript(attack.name, attack.change))
			g.untilAt(attack.host, attack.path+"probe", "the script", envoy.Status(418))
			response := g.get(attack.host, attack.path)
			require.Equal(t, "403 RBAC: access denied", response.String())
			require.Equal(t, 403, g.webSocketTo(attack.host, attack.path), "an upgrade")
		})
	}
	require.Equal(t, reached, backend.connections.Load(), "connections to the backend since the policy is in effect")
}

// gateRoute returns a route with one rule, and a backend of the same name.
func gateRoute(name, section, host, rule string, port int) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: %[2]s}]
  hostnames: [%[3]s]
  rules:
  - %[4]s
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[5]d}}]}
`, name, section, host, rule, port)
}

func backendRef(name string) string {
	return "{group: gateway.envoyproxy.io, kind: Backend, name: " + name + "}"
}

// gateScript changes requests of a route and makes Envoy select their route again.
func gateScript(route, change string) string {
	return fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: %[1]s, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: %[1]s}]
  lua:
  - type: Inline
    inline: |
      function envoy_on_request(handle)
        local path = handle:headers():get(":path")
        if path and string.find(path, "probe") then
          handle:respond({[":status"] = "418"}, "")
          return
        end
        %[2]s
        pcall(function() handle:clearRouteCache() end) -- Envoy Gateway tries scripts without it
      end
`, route, strings.TrimSpace(change))
}

// untilAt is [scenario.until] for a path.
func (f *fixture) untilAt(host, path, what string, wanted func(*envoy.Response) bool) (last *envoy.Response) {
	f.t.Helper()
	f.wait(host+path+": "+what, func(ctx context.Context) (err error) {
		if last, err = f.Get(ctx, host, path); err == nil && !wanted(last) {
			err = fmt.Errorf("got %s", last)
		}
		return err
	})
	return last
}

// webSocketTo requests a WebSocket at a path, and returns the status of the response.
func (f *fixture) webSocketTo(host, path string) int {
	f.t.Helper()
	status, err := begin(f.soon(), "GET "+path+" HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
	f.must(err)
	return status
}
