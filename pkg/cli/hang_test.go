package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestMutatorThatHangs tests a hung mutator through to what an operator sees, and its recovery.
func TestMutatorThatHangs(t *testing.T) {
	release := make(chan struct{})
	hangs := func(catalog.Options) []mutator.Feature {
		return []mutator.Feature{{
			Name: "hangs", Hooks: []mutator.Hook{mutator.HookCluster},
			Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(context.Context, *mutator.Input, *clusterv3.Cluster) error {
				<-release
				return nil
			}},
		}}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	socket, admin := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	args := []string{"serve", "--socket", socket, "--admin-address", admin, "--mutator-timeout", "10ms"}
	stderr, code := &output{}, make(chan int, 1)
	go func() { code <- run(ctx, args, &program{features: hangs, stdout: io.Discard, stderr: stderr}) }()
	healthy := func() bool { return egraft(t.Context(), nil, "healthcheck", "--socket", socket).code == ExitOK }
	require.Eventually(t, healthy, 20*time.Second, 5*time.Millisecond, "%s", stderr)

	client := dial(t, "unix:"+socket)
	for i := range 4 {
		answer, err := client.PostClusterModify(t.Context(), &extension.PostClusterModifyRequest{Cluster: &clusterv3.Cluster{Name: fmt.Sprint(i)}})
		require.NoError(t, err)
		require.Equal(t, clusterv3.Cluster_STATIC, answer.GetCluster().GetType())
		require.Empty(t, answer.GetCluster().GetLoadAssignment().GetEndpoints(), "denied")
	}
	require.False(t, healthy())
	require.Equal(t, "feature hangs disabled: 4 timed-out goroutines still running\n", get(t, "http://"+admin+"/readyz"))
	metrics := get(t, "http://"+admin+"/metrics")
	require.Contains(t, metrics, "\negraft_abandoned_goroutines 4\n")
	require.Contains(t, metrics, "\negraft_quarantined_inputs 4\n")
	require.Contains(t, metrics, `egraft_mutator_results_total{feature="hangs",hook="Cluster",result="timed-out"} 4`)

	close(release)
	require.Eventually(t, healthy, 20*time.Second, 5*time.Millisecond)
	require.Contains(t, get(t, "http://"+admin+"/metrics"), "\negraft_abandoned_goroutines 0\n")
	cancel()
	require.Equal(t, ExitOK, <-code)
}
