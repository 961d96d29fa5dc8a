//go:build e2e

package e2e

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"
)

// metrics looks at what egraft says about itself when a policy is in effect.
func (f *fixture) metrics() {
	f.routes(echoRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	page, err := f.EgraftAdmin(f.soon(), "/metrics")
	f.must(err)
	for _, series := range []string{
		`egraft_calls_total{code="OK",hook="Translation"}`,
		`egraft_calls_total{code="OK",hook="Route"}`,
		`egraft_last_call_timestamp_seconds{hook="Translation"}`,
		`egraft_mutator_outcomes_total{hook="Translation",mutator="backend-mtls",result="applied"}`,
		`egraft_mutator_outcomes_total{hook="Translation",mutator="backend-mtls",result="added"}`,
		`egraft_mutator_outcomes_total{hook="Route",mutator="backend-mtls",result="applied"}`,
	} {
		require.Positive(f.t, value(f.t, page, series), series)
	}
	f.lastCallIsRecent(page)
	f.healthy(f.soon())
}

func (f *fixture) lastCallIsRecent(page []byte) {
	f.t.Helper()
	seconds := value(f.t, page, `egraft_last_call_timestamp_seconds{hook="Translation"}`)
	age := time.Since(time.UnixMilli(int64(seconds * 1000)))
	require.Less(f.t, age, 5*time.Minute)
	require.Greater(f.t, age, -time.Second)
}

// healthy says whether egraft is ready and its own probe thinks so.
func (f *fixture) healthy(ctx context.Context) {
	f.t.Helper()
	_, err := f.EgraftAdmin(ctx, "/readyz")
	f.must(err)
	out, err := f.egraftCommand(ctx, "healthcheck", "--socket", f.Socket())
	f.must(err)
	require.Equal(f.t, "serving\n", out)
}
