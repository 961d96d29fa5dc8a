package explain_test

import (
	"fmt"
	"syscall"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// routesPerListener is the number of routes in the largest listeners of a fleet.
const routesPerListener = 1000

// enlarged multiplies each cluster and route by n.
func enlarged(t testing.TB, r *recording.Recording, n int) *recording.Recording {
	t.Helper()
	for _, list := range r.Calls[0].Resources {
		switch list.Kind {
		case mutator.KindCluster:
			list.Encoded = append(list.Encoded[:0:0], many(t, &clusterv3.Cluster{}, list.Encoded[0], n, func(c *clusterv3.Cluster, i int) {
				c.Name = fmt.Sprintf("httproute/default/shop-%d/rule/0", i)
			})...)
		case mutator.KindRouteConfiguration:
			list.Encoded = many(t, &routev3.RouteConfiguration{}, list.Encoded[0], (n+routesPerListener-1)/routesPerListener, func(rc *routev3.RouteConfiguration, at int) {
				rc.Name = fmt.Sprintf("default/eg/http-%d", at)
				vh := rc.GetVirtualHosts()[0]
				first := vh.GetRoutes()[0]
				vh.Routes = nil
				for i := at * routesPerListener; i < min(n, (at+1)*routesPerListener); i++ {
					next := proto.Clone(first).(*routev3.Route)
					next.Name = fmt.Sprintf("route-%d", i)
					next.GetRoute().ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: fmt.Sprintf("httproute/default/shop-%d/rule/0", i)}
					vh.Routes = append(vh.Routes, next)
				}
			})
		}
		for i := range r.Calls[0].Resources {
			if r.Calls[0].Resources[i].Kind == list.Kind {
				r.Calls[0].Resources[i] = list
			}
		}
	}
	return r
}

// many encodes a message n times, edited each time.
func many[T proto.Message](t testing.TB, m T, raw []byte, n int, edit func(T, int)) (out [][]byte) {
	t.Helper()
	require.NoError(t, proto.Unmarshal(raw, m))
	for i := range n {
		edit(m, i)
		encoded, err := proto.Marshal(m)
		require.NoError(t, err)
		out = append(out, encoded)
	}
	return out
}

// BenchmarkExplain explains a policy of 10,000 clusters, without and with the fields.
func BenchmarkExplain(b *testing.B) {
	r, x := large(b, 10_000), explainer(b)
	for _, diff := range []bool{false, true} {
		b.Run(fmt.Sprintf("diff=%t", diff), func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				report, err := x.Explain(b.Context(), r, explain.Query{Diff: diff})
				require.NoError(b, err)
				require.True(b, report.InEffect())
			}
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1e9, "cpu-s/op") // CPU time: other programs may use the machine
		})
	}
}

func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
