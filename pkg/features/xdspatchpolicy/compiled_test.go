package xdspatchpolicy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestCompiledOnce: a policy's expressions are compiled once, whatever the number of resources,
// routes and translations.
func TestCompiledOnce(t *testing.T) {
	const routes = 50
	w, before := newWorld(t, routes), xdspatch.Compilations()
	patch := func(kind, what string) string {
		return fmt.Sprintf(`{"select":{"kind":%q},"when":"self.name != '%s'","merge":%s}`, kind, t.Name(), what)
	}
	w.ofGateway = [][]byte{policy("eg", "gateway", patch("Cluster", `{"per_connection_buffer_limit_bytes":1024}`))}
	for i := range routes {
		name := fmt.Sprintf("r%d", i)
		w.ofRoutes[i] = [][]byte{
			policy(name, "same", patch("Cluster", `{"connect_timeout":"3s"}`)),
			policy(name, "own-"+name, patch("Route", fmt.Sprintf(`{"route":{"timeout":"%ds"}}`, i+1))),
		}
	}
	for i := range 3 {
		w.routes[0].Name = fmt.Sprintf("httproute/default/r0/rule/0/match/%d", i)
		res := w.translate(t)
		require.Equal(t, mutator.Programmed, outcomes(res)["gateway"])
		require.EqualValues(t, 1024, clusterIn(t, res, routes-1).GetPerConnectionBufferLimitBytes().GetValue())
		require.EqualValues(t, 3, clusterIn(t, res, routes-1).GetConnectTimeout().GetSeconds())
		require.EqualValues(t, routes, host(t, res).GetRoutes()[routes-1].GetRoute().GetTimeout().GetSeconds())
	}
	require.EqualValues(t, 2+routes, xdspatch.Compilations()-before, "one of the Gateway, one of all routes, and one of each route")
}
