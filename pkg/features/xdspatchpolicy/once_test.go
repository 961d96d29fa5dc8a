package xdspatchpolicy_test

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// TestAppliedOnce: an expression that reads the field it sets is applied once, also in a call with
// copies of a cluster or a retry without a policy. In the next call, it reads Envoy Gateway's value
// again.
func TestAppliedOnce(t *testing.T) {
	w := newWorld(t, 3)
	w.routes[1].GetRoute().ClusterSpecifier = w.routes[0].GetRoute().GetClusterSpecifier() // with policies of its own, so it gets a copy
	w.ofRoutes[1] = [][]byte{policy("r1", "own", `{"select":{"kind":"Cluster"},"merge":{"per_connection_buffer_limit_bytes":1024}}`)}
	w.ofGateway = [][]byte{
		policy("eg", "more", `{"select":{"kind":"Cluster"},"set":{"path":"connect_timeout","expression":"self.connect_timeout + duration('1s')"}},`+
			`{"select":{"kind":"Route"},"set":{"path":"route.timeout","expression":"(has(self.route.timeout) ? self.route.timeout : duration('1s')) + duration('1s')"}}`),
		policy("eg", "rejected", `{"select":{"kind":"Cluster"},"when":"false","merge":{"alt_stat_name":"x"},"expect":{"minMatches":1}}`),
	}
	for range 3 {
		res := w.translate(t)
		require.Equal(t, map[string]mutator.Reason{"more": mutator.Programmed, "own": mutator.Programmed, "rejected": mutator.MatchedNothing}, outcomes(res))
		clusters := map[string]int64{}
		for _, raw := range res.Resources[0].Encoded {
			c := decoded(t, raw, &clusterv3.Cluster{})
			clusters[c.GetName()] = c.GetConnectTimeout().GetSeconds()
		}
		led := map[string]bool{}
		for _, r := range host(t, res).GetRoutes() {
			require.EqualValues(t, 2, r.GetRoute().GetTimeout().GetSeconds())
			led[r.GetRoute().GetCluster()] = true
			require.EqualValues(t, 2, clusters[r.GetRoute().GetCluster()], r.GetRoute().GetCluster())
		}
		require.Len(t, led, 3, "two of them are copies")
	}
}
