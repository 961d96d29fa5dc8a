//go:build e2e

package e2e

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/doctor"
)

// TestGatewayFollowsItsConfiguration: Envoy Gateway calls egraft as soon as its configuration file
// changes, for the configured hooks, without a restart.
func TestGatewayFollowsItsConfiguration(t *testing.T) {
	needs(t, here)
	var own map[string]any
	f := start(t, standalone.Options{Managers: func(_ string, egraft map[string]any) ([]map[string]any, error) {
		own = egraft
		return nil, nil
	}})
	const withoutTLS = "a response of the backend, which serves TLS"
	f.routes(echoRoute)
	f.until(echoRoute.Host(), withoutTLS, envoy.Status(400))
	pid := f.Gateway.PID()

	f.must(f.Rewire(f.soon(), []map[string]any{own}))
	f.effect(f.env.Policy(), echoRoute.Host(), seesEnvoy)
	report, _ := f.doctor()
	require.Empty(t, problems(report, doctor.Failed))

	fewer := maps.Clone(own)
	fewer["hooks"] = map[string]any{"xdsTranslator": map[string]any{"post": []any{"Cluster"}}}
	f.must(f.Rewire(f.soon(), []map[string]any{fewer}))
	f.until(echoRoute.Host(), withoutTLS, envoy.Status(400))
	require.True(t, f.Gateway.Running() && f.Gateway.PID() == pid, "it is the same process")
}
