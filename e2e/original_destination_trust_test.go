//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// setDestination is the statement with which the documentation's script selects the destination.
const setDestination = `handle:streamInfo():dynamicMetadata():set("egraft.io", "destination", wanted)`

// destinationInOwnMetadata: a script may write to the metadata in which egraft's filters pass on
// the allowed destination. It cannot bypass the networks, even if the filters write nothing
// themselves.
func (f *fixture) destinationInOwnMetadata() {
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	example := f.poolExample()
	require.Contains(f.t, example, setDestination)
	f.route("pool", poolHost, strings.Replace(example, setDestination, setDestination+`
          local own = handle:headers():get("x-own")
          if own then
            pcall(function() -- Envoy Gateway tries scripts without what Envoy gives them
              local metadata, times = handle:streamInfo():dynamicMetadata(), handle:headers():get("x-times")
              metadata:set("egraft.destination", "destination", own)
              metadata:set("egraft.destination", "address", "127.0.0.1")
              metadata:set("egraft.io", "destination", string.rep(wanted, tonumber(times)))
            end)
          end`, 1))
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	for _, times := range []string{"0", "1", "100", "1000"} { // the filters do not write 8 KiB or more
		status, body := f.ask(poolHost, "x-wanted", "garbage--", "x-own", at("127.0.0.3", outside), "x-times", times)
		require.Equal(f.t, "403 RBAC: access denied", fmt.Sprint(status, " ", body), times)
	}
	require.Zero(f.t, outside.connections.Load(), "a connection to what is not allowed")
}

// destinationOfOthers: two scripts run one after the other, and only the configured one is trusted,
// whether it is the first or the second. As the documentation states, a script may lie through
// egraft's metadata, but cannot bypass the networks.
func (f *fixture) destinationOfOthers() {
	// With the file provider, the names of filters lack the kind of the policy.
	const header, script = "x-gateway-destination-endpoint", "envoy.filters.http.lua//default/pool/lua/"
	one, two, outside := f.recorder(), f.recorderAt("127.0.0.2:0"), f.recorderAt("127.0.0.3:0")
	apply := func(trusted, scripts string) {
		f.route("pool", poolHost, `
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {name: pool, namespace: default}
spec:
  source: {header: {name: `+header+`, filter: `+trusted+`}}
  allowedCIDRs: [127.0.0.1/32, 127.0.0.2/32]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: pool, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [`+poolHost+`]
  rules: [{backendRefs: [{group: egraft.io, kind: OriginalDestinationBackend, name: pool}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: pool, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: pool}]
  lua:
`+scripts)
	}
	type asked struct {
		first, second string
		want          *recorder // nil if the request is rejected
	}
	first, second := at("127.0.0.1", one), at("127.0.0.2", two)
	for trusted, requests := range map[string][]asked{
		script + "0":             {{first, "", one}, {first, second, one}, {"", second, nil}},
		script + "1":             {{"", second, two}, {first, second, two}, {first, "", nil}},
		"envoy.filters.http.lua": {{first, "", one}, {first, second, two}, {"", second, two}},
	} {
		apply(trusted, setFrom(header, "x-first")+setFrom(header, "x-second"))
		f.wait(trusted+" to be believed", func(ctx context.Context) error { // and no other
			for _, r := range requests {
				before := [2]int64{one.connections.Load(), two.connections.Load()}
				status, _, err := ask(ctx, poolHost, "x-first", r.first, "x-second", r.second)
				if err != nil {
					return err
				}
				reached := map[*recorder]bool{one: one.connections.Load() > before[0], two: two.connections.Load() > before[1]}
				if want := r.want != nil; want != (status == 200) || reached[r.want] != want || reached[one] && reached[two] {
					return fmt.Errorf("%q then %q: %d", r.first, r.second, status)
				}
			}
			return nil
		})
	}
	lie := strings.Replace(setFrom(header, "x-second"), `handle:headers():replace("`+header+`", wanted)`, `pcall(function()
            local metadata = handle:streamInfo():dynamicMetadata()
            for key, value in pairs(metadata:get("egraft.believed")) do
              if key:sub(-1) == "h" then
                metadata:set("egraft.believed", key, wanted)
              end
            end
          end)`, 1)
	apply(script+"0", setFrom(header, "x-first")+lie)
	f.untilAsked(poolHost, 200, "x-first", first, "x-second", second)
	f.wait("the lie", func(ctx context.Context) error {
		before := two.connections.Load()
		status, _, err := ask(ctx, poolHost, "x-first", first, "x-second", second)
		if err == nil && two.connections.Load() == before {
			err = fmt.Errorf("%d", status)
		}
		return err
	})
	status, body := f.ask(poolHost, "x-first", first, "x-second", at("127.0.0.3", outside))
	require.Equal(f.t, "403 RBAC: access denied", fmt.Sprint(status, " ", body))
	require.Zero(f.t, outside.connections.Load())
}

// setFrom returns a script that sets a header to the value of another one, if that is not empty.
func setFrom(header, from string) string {
	return `
  - type: Inline
    inline: |
      function envoy_on_request(handle)
        local wanted = handle:headers():get("` + from + `")
        if wanted and wanted ~= "" then
          handle:headers():replace("` + header + `", wanted)
        end
      end
`
}

// TestOriginalDestinationWithoutListeners: Envoy Gateway does not send listeners in the hook that
// inserts the filters. No request reaches a destination, not even the one in a PROXY protocol
// header that Envoy would use, and the backend reports that.
func TestOriginalDestinationWithoutListeners(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Managers: without(t, "listener")})
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	from := standalone.LogEnd(f.Egraft)
	f.route("pool", poolHost, f.poolExample())
	f.backendNotInEffect(from, "ApplyFailed", "the Translation hook came without resources of kind Listener, which egraft config envoy-gateway includes, so the filters are missing; requests are rejected")
	f.untilAsked(poolHost, 503, "x-wanted", at("127.0.0.1", one))
	f.proxyProtocol()
	f.wait("the PROXY protocol", func(ctx context.Context) error { return f.asProxy(ctx, outside.port, at("127.0.0.1", one), 503) })
	require.Zero(t, one.connections.Load()+outside.connections.Load())
}
