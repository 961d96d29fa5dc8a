//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/manifest"
)

// metrics checks egraft's metrics while a policy is in effect.
func (f *fixture) metrics() {
	f.routes(echoRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	page := f.egraftMetrics()
	for _, series := range []string{
		`egraft_calls_total{code="OK",hook="Translation"}`,
		`egraft_calls_total{code="OK",hook="Route"}`,
		`egraft_last_call_timestamp_seconds{hook="Translation"}`,
		`egraft_mutator_results_total{feature="backend-mtls",hook="Translation",result="applied"}`,
		`egraft_mutator_results_total{feature="backend-mtls",hook="Route",result="applied"}`,
	} {
		require.Positive(f.t, value(f.t, page, series), series)
	}
	f.lastCallIsRecent(page)
	f.healthy(f.soon())
}

// remembers changes a route many times, but no cluster: egraft serves all clusters from the cache,
// although Envoy Gateway encodes them differently each time.
func (f *fixture) remembers() {
	const changes = 12
	tls := f.tlsRoute()
	f.routes(echoRoute, tls)
	f.policies(f.env.Policy())
	for _, r := range []manifest.Route{echoRoute, tls} {
		f.until(r.Host(), "the SVID", seesEnvoy)
	}
	f.must(f.env.WaitSettled(f.soon()))
	f.changeRoute(0) // the first time, the file provider sends a policy with different nulls
	before := f.egraftMetrics()
	for i := range changes {
		f.changeRoute(i + 1)
	}
	after := f.egraftMetrics()
	grown := func(series string) float64 { return value(f.t, after, series) - value(f.t, before, series) }
	require.Greater(f.t, grown("egraft_cache_hits_total"), 1.0*changes, "each translation has two clusters")
	require.Zero(f.t, grown("egraft_cache_misses_total"))
}

// changeRoute changes a match of the echo route, and waits for a translation.
func (f *fixture) changeRoute(to int) {
	f.t.Helper()
	translations := `egraft_calls_total{code="OK",hook="Translation"}`
	before := value(f.t, f.egraftMetrics(), translations)
	match := fmt.Sprintf(`rules: [{matches: [{queryParams: [{type: Exact, name: number, value: "%d"}]}, {path: {type: PathPrefix, value: /}}], `, to)
	f.must(f.env.Apply(f.ctx, echoRoute.Name, strings.Replace(f.env.Route(echoRoute).YAML(), "rules: [{", match, 1)))
	f.wait("a translation", func(context.Context) error {
		if value(f.t, f.egraftMetrics(), translations) == before {
			return errors.New("there was none")
		}
		return nil
	})
	f.must(f.env.WaitSettled(f.soon()))
}

func (f *fixture) egraftMetrics() []byte {
	f.t.Helper()
	page, err := f.EgraftAdmin(f.soon(), "/metrics")
	f.must(err)
	return page
}

func (f *fixture) lastCallIsRecent(page []byte) {
	f.t.Helper()
	seconds := value(f.t, page, `egraft_last_call_timestamp_seconds{hook="Translation"}`)
	age := time.Since(time.UnixMilli(int64(seconds * 1000)))
	require.Less(f.t, age, 5*time.Minute)
	require.Greater(f.t, age, -time.Second)
}

// healthy requires that egraft is ready, and that its probe command agrees.
func (f *fixture) healthy(ctx context.Context) {
	f.t.Helper()
	_, err := f.EgraftAdmin(ctx, "/readyz")
	f.must(err)
	out, err := f.egraftCommand(ctx, "healthcheck", "--socket", f.Socket())
	f.must(err)
	require.Equal(f.t, "serving\n", out)
}
