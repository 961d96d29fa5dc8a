// Package promptclusters makes every change of a cluster reach traffic promptly: without
// it, Envoy waits 15 s for endpoints that it has and that nobody will send again.
//
// It is switched on by configuration, for all clusters of all Gateways, and changes nothing
// but the time that Envoy waits. Mutators that change clusters do the same for those by
// themselves.
package promptclusters

import (
	"context"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "prompt-clusters"

// New returns the feature. timeout is how long Envoy waits for the endpoints of a cluster.
func New(timeout time.Duration) mutator.Feature {
	return mutator.Feature{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookTranslation},
		FailurePolicy: mutator.Ignore, // late is better than not at all
		Clusters:      newClusters(timeout),
	}
}

// clusters shortens the wait of clusters that do not say otherwise.
type clusters struct {
	plan *mutator.Plan[*clusterv3.Cluster] // its key is constant, since the timeout is that of the process
}

func newClusters(timeout time.Duration) clusters {
	return clusters{&mutator.Plan[*clusterv3.Cluster]{CacheKey: new(""), Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		if c.GetEdsClusterConfig().GetEdsConfig().GetInitialFetchTimeout() == nil {
			xds.SetEndpointsFetchTimeout(c, timeout)
		}
		return nil
	}}}
}

// Plan is the same for all clusters: whether one gets its endpoints from Envoy Gateway is not seen
// without decoding it. From the second time on that is not done any more.
func (m clusters) Plan(*mutator.Input, mutator.View) *mutator.Plan[*clusterv3.Cluster] { return m.plan }
