//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

const poolHost = "pool.example.com"

// TestOriginalDestination lets a filter select the destination of each request.
func TestOriginalDestination(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	f.run("metadata", (*fixture).destinationInMetadata)
	f.run("header", (*fixture).destinationInHeader)
	f.run("SPIFFE", (*fixture).destinationWithSVID)
	f.run("two in one rule", (*fixture).twoDestinations)
	f.run("a cluster for each backend", (*fixture).destinationBesideClusters)
}

// poolExample returns the example in the documentation.
func (f *fixture) poolExample() string {
	f.t.Helper()
	page, err := os.ReadFile("../docs/original-destination-backend.md")
	f.must(err)
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	require.True(f.t, found, "the page has an example")
	return example
}

// ask sends a request with headers to the pool.
func (f *fixture) ask(host string, headers ...string) (status int, body string) {
	f.t.Helper()
	status, body, err := ask(f.soon(), host, headers...)
	f.must(err)
	return status, body
}

func ask(ctx context.Context, host string, headers ...string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+standalone.ListenerAddress+"/", nil)
	if err != nil {
		return 0, "", err
	}
	request.Host = host
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// untilAsked waits until a request with headers has a status.
func (f *fixture) untilAsked(host string, wanted int, headers ...string) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%s with %s: %d", host, headers, wanted), func(ctx context.Context) error {
		status, body, err := ask(ctx, host, headers...)
		if err == nil && status != wanted {
			err = fmt.Errorf("got %d %s", status, body)
		}
		return err
	})
}

// destinationInMetadata: requests go to the destination that the filter selected, if it is allowed,
// and to nothing else.
func (f *fixture) destinationInMetadata() {
	one, two, outside := f.recorder(), f.recorderAt("127.0.0.2:0"), f.recorderAt("127.0.0.3:0")
	six := f.recorderAt("[::1]:0")
	plain := f.recorder()
	f.routes(plain.route("plain", ""))
	f.route("pool", poolHost, f.poolExample())
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))

	before := []int64{one.connections.Load(), two.connections.Load()}
	for range 3 {
		status, body := f.ask(poolHost, "x-wanted", at("127.0.0.2", two))
		require.Equal(f.t, "200 "+recorded, fmt.Sprint(status, " ", body))
	}
	require.Equal(f.t, before[0], one.connections.Load())
	require.Equal(f.t, before[1]+3, two.connections.Load())
	status, _ := f.ask(poolHost, "x-wanted", at("127.0.0.1", one))
	require.Equal(f.t, 200, status)
	require.Equal(f.t, before[0]+1, one.connections.Load())

	port := fmt.Sprint(outside.port)
	before = []int64{one.connections.Load(), two.connections.Load()}
	for _, wanted := range []string{
		at("127.0.0.3", outside), "[::1]:" + fmt.Sprint(six.port), "[::ffff:127.0.0.1]:" + fmt.Sprint(one.port), "::1", "0.0.0.0:" + fmt.Sprint(one.port),
		"127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1]:" + port, "[127.0.0.1]:" + port,
		"127.1:" + port, "0x7f000001:" + port, "localhost:" + port, "garbage", "d=127.0.0.1:" + port, "-", "",
	} {
		status, body := f.ask(poolHost, "x-wanted", wanted)
		assert.Equal(f.t, "403 RBAC: access denied", fmt.Sprint(status, " ", body), wanted)
	}
	for _, client := range [][]string{
		nil, // the filter selects nothing
		{"x-egraft-destination", "d=" + at("127.0.0.1", one)},
		{"x-egraft-destination-address", "127.0.0.1"},
		{"x-egraft-destination", "d=" + at("127.0.0.1", one), "x-egraft-destination-address", "127.0.0.1"},
		{"x-wanted", at("127.0.0.3", outside), "x-egraft-destination", "d=" + at("127.0.0.1", one), "x-egraft-destination-address", "127.0.0.1"},
	} {
		status, _ := f.ask(poolHost, client...)
		assert.Equal(f.t, 403, status, client)
	}
	require.Zero(f.t, outside.connections.Load()+six.connections.Load(), "connections to what is not allowed")
	require.Equal(f.t, before[0], one.connections.Load())
	require.Equal(f.t, before[1], two.connections.Load())

	f.untilAsked(plain.route("plain", "").Host(), 200)
	status, body := f.ask(plain.route("plain", "").Host(), "x-wanted", at("127.0.0.3", outside))
	require.Equal(f.t, "200 "+recorded, fmt.Sprint(status, " ", body), "a route without the backend")
}

func at(address string, r *recorder) string { return fmt.Sprintf("%s:%d", address, r.port) }

// destinationInHeader: the header is trusted if the trusted filter set it, and never if the client
// did.
func (f *fixture) destinationInHeader() {
	const header = "x-gateway-destination-endpoint"
	one := f.recorder()
	example := strings.Replace(f.poolExample(), "spec:\n  allowedCIDRs", `spec:
  source:
    header:
      name: `+header+`
      filter: envoy.filters.http.lua
  allowedCIDRs`, 1)
	example = strings.Replace(example, `handle:streamInfo():dynamicMetadata():set("egraft.io", "destination", wanted)`,
		`handle:headers():replace("`+header+`", wanted)`, 1)
	f.route("pool", poolHost, example)
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	before := one.connections.Load()
	status, _ := f.ask(poolHost, header, at("127.0.0.1", one))
	require.Equal(f.t, 403, status, "the client's header")
	status, _ = f.ask(poolHost, header, at("127.0.0.1", one), "x-wanted", "127.0.0.9:1")
	require.Equal(f.t, 403, status)
	require.Equal(f.t, before, one.connections.Load())
}

// destinationWithSVID: a BackendMTLSPolicy applies to these backends as well.
func (f *fixture) destinationWithSVID() {
	example := strings.Replace(f.poolExample(), `handle:headers():get("x-wanted")`, `"127.0.0.1:3443"`, 1)
	f.route("pool", poolHost, example)
	f.effect(f.policy("HTTPRoute", "pool", ""), poolHost, seesEnvoy)
}

// twoDestinations in one rule are rejected, and both report that.
func (f *fixture) twoDestinations() {
	from := standalone.LogEnd(f.Egraft)
	example := strings.Replace(f.poolExample(), "      name: pool\n---", `      name: pool
    - group: egraft.io
      kind: OriginalDestinationBackend
      name: second
---`, 1)
	f.route("pool", poolHost, example+`---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {name: second, namespace: default}
spec: {allowedCIDRs: [10.0.0.0/8]}
`)
	f.until(poolHost, "a denial", func(r *envoy.Response) bool { return rejected(500, deniedByEgraft)(r) })
	for _, name := range []string{"pool", "second"} {
		line, err := standalone.WaitLog(f.soon(), f.Egraft, from, name+" not to be in effect", func(l standalone.Line) bool {
			return l.Message() == "policy not programmed" && l["policy"] == "OriginalDestinationBackend default/"+name
		})
		f.must(err)
		require.Equal(f.t, "Conflicted", line["reason"])
		require.Contains(f.t, line["message"], "OriginalDestinationBackend default/pool and OriginalDestinationBackend default/second are backends of one rule")
	}
}

// destinationBesideClusters: if Envoy Gateway creates a cluster for each backend of a rule, as it
// does if one has its own filters, it routes only to the others. egraft rejects that.
func (f *fixture) destinationBesideClusters() {
	ordinary, from := f.recorder(), standalone.LogEnd(f.Egraft)
	f.route("pool", poolHost, strings.Replace(f.poolExample(), "      name: pool\n---", fmt.Sprintf(`      name: pool
    - group: gateway.envoyproxy.io
      kind: Backend
      name: ordinary
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: x-a, value: b}]}}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: ordinary, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
---`, ordinary.port), 1))
	f.until(poolHost, "a denial", func(r *envoy.Response) bool { return rejected(500, deniedByEgraft)(r) })
	f.backendNotInEffect(from, "ApplyFailed", "the rule has other backends as well, so Envoy Gateway does not route to this one; use a rule for each; requests are rejected")
	require.Zero(f.t, ordinary.connections.Load())
}

// backendNotInEffect waits until egraft reports that the pool is not in effect, and why.
func (f *fixture) backendNotInEffect(from int64, reason, message string) {
	f.t.Helper()
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the pool not to be in effect", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "OriginalDestinationBackend default/pool"
	})
	f.must(err)
	require.Equal(f.t, reason, line["reason"])
	require.Contains(f.t, line["message"], message)
}
