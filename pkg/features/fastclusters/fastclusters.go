// Package fastclusters makes cluster updates active within about two seconds: by default, a
// warming cluster waits 15 s for endpoints that Envoy already has and Envoy Gateway does not
// send again.
//
// A setting enables it, for all clusters of all Gateways. It sets initial_fetch_timeout and
// nothing else. Features that change clusters set it on those themselves.
package fastclusters

import (
	"context"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "fast-cluster-updates"

// New returns the feature. timeout is the initial_fetch_timeout of EDS.
func New(timeout time.Duration) mutator.Feature {
	return mutator.Feature{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookTranslation},
		FailurePolicy: mutator.Ignore, // a slow update is better than none
		Clusters:      newClusters(timeout),
	}
}

// clusters sets the timeout of clusters that have none.
type clusters struct {
	plan *mutator.Plan[*clusterv3.Cluster] // its cache key is constant, because the timeout does not change while the process runs
}

func newClusters(timeout time.Duration) clusters {
	return clusters{&mutator.Plan[*clusterv3.Cluster]{CacheKey: new(""), Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		if c.GetEdsClusterConfig().GetEdsConfig().GetInitialFetchTimeout() == nil {
			xds.SetEDSInitialFetchTimeout(c, timeout)
		}
		return nil
	}}}
}

// Plan returns the same plan for all clusters: only a decoded cluster shows whether it uses EDS.
// The cache spares all but the first decoding.
func (m clusters) Plan(*mutator.Input, mutator.View) *mutator.Plan[*clusterv3.Cluster] { return m.plan }
