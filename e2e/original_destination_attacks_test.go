//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestOriginalDestinationAttacks tests what the owner of a route, or a client of it, could do to
// reach addresses that the backend does not allow, or to affect other routes.
func TestOriginalDestinationAttacks(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	f.run("headers of other routes", (*fixture).destinationLeavesOthersAlone)
	f.run("retry after the check", (*fixture).destinationIsNotChosenAgain)
	f.run("hedge after the check", (*fixture).destinationIsNotHedged)
	f.run("override host", (*fixture).destinationIsNotOverridden)
	f.run("proxy in filter state", (*fixture).destinationBehindProxyInFilterState)
	f.run("lists", (*fixture).destinationFirstOfList)
	f.run("PROXY protocol to the destination", (*fixture).destinationGetsProxyProtocol)
}

// httpBackend serves at an address of this machine and records requests.
type httpBackend struct {
	port     int
	requests atomic.Int64
	header   atomic.Value
}

func (f *fixture) httpBackendAt(address string, status int) *httpBackend {
	f.t.Helper()
	listener, err := net.Listen("tcp", address)
	f.must(err)
	b := &httpBackend{port: listener.Addr().(*net.TCPAddr).Port}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.requests.Add(1)
		b.header.Store(r.Header)
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
	})}
	f.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return b
}

// poolWith applies a pool with a spec, fields of the rule, a script, and more resources.
func (f *fixture) poolWith(spec, rule, script, more string) {
	f.t.Helper()
	indented := "      " + strings.ReplaceAll(strings.TrimSpace(script), "\n", "\n      ")
	f.route("pool", poolHost, `
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {name: pool, namespace: default}
spec: `+spec+`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: pool, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [`+poolHost+`]
  rules:
  - backendRefs: [{group: egraft.io, kind: OriginalDestinationBackend, name: pool}]
`+rule+`
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: pool, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: pool}]
  lua:
  - type: Inline
    inline: |
`+indented+more)
}

// fromHeader returns a script that sets metadata from x-wanted. Envoy Gateway validates scripts
// without the objects that Envoy provides, so the rest of it is protected.
func fromHeader(more string) string {
	return `
function envoy_on_request(handle)
  local wanted = handle:headers():get("x-wanted")
  if wanted then
    ` + setDestination + `
  end
  pcall(function()
    ` + more + `
  end)
end`
}

// destinationLeavesOthersAlone: egraft's filters remove headers only from requests of the backend's
// routes.
func (f *fixture) destinationLeavesOthersAlone() {
	const header = "x-gateway-destination-endpoint"
	other := f.httpBackendAt("127.0.0.1:0", 200)
	plain := (&recorder{port: other.port}).route("plain", "")
	f.routes(plain)
	one := f.recorder()
	source := func(filter string) string {
		return `{allowedCIDRs: [127.0.0.1/32], source: {header: {name: ` + header + `, filter: ` + filter + `}}}`
	}
	f.poolWith(source("envoy.filters.http.lua"), "", `
function envoy_on_request(handle)
  local wanted = handle:headers():get("x-wanted")
  if wanted then
    handle:headers():replace("`+header+`", wanted)
  end
end`, "")
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	f.untilAsked(plain.Host(), 200)
	status, body := f.ask(plain.Host(), header, "10.1.2.3:80", "x-egraft-destination", "a", "x-egraft-destination-address", "b", "x-envoy-retry-on", "5xx")
	require.Equal(f.t, 200, status, body)
	got, _ := other.header.Load().(http.Header)
	assert.Equal(f.t, "10.1.2.3:80", got.Get(header))
	assert.Equal(f.t, "a", got.Get("x-egraft-destination"))
	assert.Equal(f.t, "b", got.Get("x-egraft-destination-address"))
}

// writes are what a script can do while the body arrives, after the check of the networks.
func writes(forbidden string) map[string]string {
	const key = "envoy.network.transport_socket.original_dst_address"
	return map[string]string{
		"metadata":     `handle:streamInfo():dynamicMetadata():set("egraft.destination", "destination", "` + forbidden + `")`,
		"filter state": `handle:streamInfo():filterState():set("` + key + `", "` + key + `", "` + forbidden + `")`,
	}
}

// destinationIsNotChosenAgain: no configuration of retries leads to a second selection of the host.
func (f *fixture) destinationIsNotChosenAgain() {
	failing, outside := f.httpBackendAt("127.0.0.2:0", 503), f.httpBackendAt("127.0.0.3:0", 200)
	const retries = `
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: pool, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: pool}]
  retry: {numRetries: 2, retryOn: {triggers: ["5xx"]}}
`
	const modifier = `    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-envoy-retry-on, value: 5xx}, {name: x-envoy-max-retries, value: "3"}]}}]`
	asking := func(name string) string { return `handle:headers():replace("` + name + `", "5xx")` }
	for name, how := range map[string]struct{ rule, script, more string }{
		"policy":          {more: retries},
		"header":          {script: asking("x-envoy-retry-on")},
		"header modifier": {rule: modifier},
	} {
		for what, write := range writes(fmt.Sprintf("127.0.0.3:%d", outside.port)) {
			f.poolWith(`{allowedCIDRs: [127.0.0.2/32]}`, how.rule, fromHeader(how.script+`
    handle:headers():replace("x-script", "`+name+what+`")
    for chunk in handle:bodyChunks() do
      `+write+`
    end`), how.more)
			wanted := fmt.Sprintf("127.0.0.2:%d", failing.port)
			f.wait("the script of "+name+" and "+what, func(ctx context.Context) error {
				status, _, err := ask(ctx, poolHost, "x-wanted", wanted)
				if got, _ := failing.header.Load().(http.Header); err == nil && got.Get("x-script") != name+what {
					err = fmt.Errorf("%d of script %q", status, got.Get("x-script"))
				}
				return err
			})
			before := failing.requests.Load()
			require.Equal(f.t, 503, f.postTo(poolHost, "x-wanted", wanted), "%s, %s", name, what)
			assert.EqualValues(f.t, 1, failing.requests.Load()-before, "requests: %s, %s", name, what)
			require.Zero(f.t, outside.requests.Load(), "%s, %s", name, what)
		}
	}
}

// postTo sends a request with a body.
func (f *fixture) postTo(host string, headers ...string) int {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.soon(), http.MethodPost, "http://"+standalone.ListenerAddress+"/", bytes.NewReader(make([]byte, 4096)))
	f.must(err)
	request.Host = host
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	f.must(err)
	f.must(response.Body.Close())
	return response.StatusCode
}

// destinationIsNotHedged: a HedgeFilter in a rule with the backend reports that it has no effect.
func (f *fixture) destinationIsNotHedged() {
	slow := f.slowBackend(600 * time.Millisecond)
	from := f.logEnd("egraft")
	f.poolWith(`{allowedCIDRs: [127.0.0.1/32]}`, `    filters: [{type: ExtensionRef, extensionRef: {group: egraft.io, kind: HedgeFilter, name: hedge}}]`,
		fromHeader(`handle:headers():replace("x-envoy-hedge-on-per-try-timeout", "true")
    handle:headers():replace("x-envoy-retry-on", "5xx")
    handle:headers():replace("x-envoy-upstream-rq-per-try-timeout-ms", "100")`), `
---
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {name: hedge, namespace: default}
spec: {perTryTimeout: 100ms, maxHedgedRequests: 3}
`)
	f.loggedJSON("egraft", from, "why there is no hedging", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "HedgeFilter default/hedge" && l["reason"] == "ApplyFailed" &&
			strings.Contains(fmt.Sprint(l["message"]), "the rule has OriginalDestinationBackend default/pool, whose requests are sent once; nothing was changed")
	})
	wanted := fmt.Sprintf("127.0.0.1:%d", slow.port)
	f.untilAsked(poolHost, 200, "x-wanted", wanted)
	before := slow.all.Load()
	require.Equal(f.t, 200, f.postTo(poolHost, "x-wanted", wanted))
	require.EqualValues(f.t, 1, slow.all.Load()-before)
}

// destinationIsNotOverridden: neither a session's header, which a client can set, nor a script's
// override host selects among the hosts that the cluster knows.
func (f *fixture) destinationIsNotOverridden() {
	one, two := f.httpBackendAt("127.0.0.1:0", 200), f.httpBackendAt("127.0.0.2:0", 200)
	first, second := fmt.Sprintf("127.0.0.1:%d", one.port), fmt.Sprintf("127.0.0.2:%d", two.port)
	session := base64.StdEncoding.EncodeToString([]byte(second))
	f.poolWith(`{allowedCIDRs: [127.0.0.1/32, 127.0.0.2/32]}`, `    sessionPersistence: {sessionName: x-session, type: Header}`, fromHeader(`
    local host = handle:headers():get("x-override")
    if host then
      handle:setUpstreamOverrideHost(host, false)
    end`), "")
	f.untilAsked(poolHost, 200, "x-wanted", first)
	status, body := f.ask(poolHost, "x-wanted", second) // now the cluster knows it
	require.Equal(f.t, 200, status, body)
	for name, headers := range map[string][]string{"session": {"x-session", session}, "script": {"x-override", second}} {
		before, other := one.requests.Load(), two.requests.Load()
		for range 3 {
			status, body := f.ask(poolHost, append(headers, "x-wanted", first)...)
			require.Equal(f.t, 200, status, body)
		}
		assert.EqualValues(f.t, 3, one.requests.Load()-before, name)
		assert.EqualValues(f.t, 0, two.requests.Load()-other, name)
	}
}

// destinationBehindProxyInFilterState: Envoy connects to the address in this filter state, whatever
// the host is.
func (f *fixture) destinationBehindProxyInFilterState() {
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	f.poolWith(`{allowedCIDRs: [127.0.0.1/32]}`, "", fromHeader(`
    local state = handle:headers():get("x-state")
    if state then
      local key = "envoy.network.transport_socket.http_11_proxy.info"
      handle:streamInfo():filterState():set(key, key, state)
    end`), "")
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	status, body := f.ask(poolHost, "x-wanted", at("127.0.0.1", one), "x-state", "pool:80,"+at("127.0.0.3", outside))
	assert.Equal(f.t, "200 "+recorded, fmt.Sprint(status, " ", body), "the destination in metadata")
	require.Zero(f.t, outside.connections.Load(), "a connection to what is not allowed")
}

// destinationFirstOfList: an endpoint picker lists several destinations, and the first one is used.
func (f *fixture) destinationFirstOfList() {
	const header = "x-gateway-destination-endpoint"
	one, two, outside := f.recorder(), f.recorderAt("127.0.0.2:0"), f.recorderAt("127.0.0.3:0")
	a, b, c := at("127.0.0.1", one), at("127.0.0.2", two), at("127.0.0.3", outside)
	for name, apply := range map[string]func(){ // in any order, since the file provider merges files
		"metadata": func() {
			f.poolWith(`{allowedCIDRs: [127.0.0.1/32, 127.0.0.2/32], source: {metadata: {}, header: null}}`, "", fromHeader(""), "")
		},
		"header": func() {
			f.poolWith(`{allowedCIDRs: [127.0.0.1/32, 127.0.0.2/32], source: {metadata: null, header: {name: `+header+`, filter: envoy.filters.http.lua}}}`, "", `
function envoy_on_request(handle)
  local wanted = handle:headers():get("x-wanted")
  if wanted then
    handle:headers():replace("`+header+`", wanted)
  end
end`, "")
		},
	} {
		apply()
		f.untilAsked(poolHost, 200, "x-wanted", a)

		for _, list := range []string{a + "," + b, a + ", " + b, a + "," + c, a + ",", a + ",[::1]:80"} {
			before := one.connections.Load()
			status, body := f.ask(poolHost, "x-wanted", list)
			assert.Equal(f.t, 200, status, "%s: %s: %s", name, list, body)
			assert.EqualValues(f.t, 1, one.connections.Load()-before, list)
		}
		for _, list := range []string{c + "," + a, "," + a, "garbage," + a, a + ";" + c, a + ",x"} {
			status, _ := f.ask(poolHost, "x-wanted", list)
			assert.Equal(f.t, 403, status, "%s: %s", name, list)
		}
	}
	require.Zero(f.t, outside.connections.Load()+two.connections.Load())
}

// destinationGetsProxyProtocol: a BackendTrafficPolicy's PROXY protocol setting is kept.
func (f *fixture) destinationGetsProxyProtocol() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	f.t.Cleanup(func() { _ = listener.Close() })
	begin := make(chan string, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			text := make([]byte, 11)
			_, _ = io.ReadFull(connection, text)
			begin <- string(text)
			_ = connection.Close()
		}
	}()
	f.poolWith(`{allowedCIDRs: [127.0.0.1/32]}`, "", fromHeader(""), `
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: pool, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: pool}]
  proxyProtocol: {version: V1}
`)
	f.wait("the PROXY protocol", func(ctx context.Context) error {
		status, body, err := ask(ctx, poolHost, "x-wanted", listener.Addr().String())
		if err != nil {
			return err
		}
		select {
		case got := <-begin:
			if got == "PROXY TCP4 " {
				return nil
			}
			return fmt.Errorf("the destination got %q", got)
		default:
			return fmt.Errorf("%d %s", status, body)
		}
	})
}

// TestOriginalDestinationSpecial: without the operator's flag, no backend can connect to Envoy's
// own addresses, which include its administration interface.
func TestOriginalDestinationSpecial(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--allow-special-destinations=false"}})
	admin, err := f.AdminAddress()
	require.NoError(t, err)
	from := standalone.LogEnd(f.Egraft)
	f.poolWith(`{allowedCIDRs: [127.0.0.1/32]}`, "", fromHeader(""), "")
	f.backendNotInEffect(from, "Invalid", "spec.allowedCIDRs[0]: Invalid value: \"127.0.0.1/32\": is in 127.0.0.0/8, which requires --allow-special-destinations; requests of its routes are rejected")
	f.untilAsked(poolHost, 500, "x-wanted", admin)
	f.poolWith(`{allowedCIDRs: [0.0.0.0/0]}`, "", fromHeader(""), "")
	f.untilAsked(poolHost, 403, "x-wanted", admin)
}
