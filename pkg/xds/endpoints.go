package xds

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

// SetEDSInitialFetchTimeout limits how long Envoy waits for a changed cluster's endpoints
// before it goes on with those that it has: by default that is 15 s, although nobody will
// send them again. 0, and a cluster without EDS, change nothing.
// https://github.com/envoyproxy/envoy/issues/47302
func SetEDSInitialFetchTimeout(c *clusterv3.Cluster, timeout time.Duration) {
	if eds := c.GetEdsClusterConfig().GetEdsConfig(); eds != nil && timeout > 0 {
		eds.InitialFetchTimeout = durationpb.New(timeout)
	}
}

// NewClusterFetchTimeout is how long Envoy waits for the endpoints of a cluster with a new name.
// Nobody sends them, since it has them under the name of the cluster that was there before; until
// it has waited, it responds with 503.
const NewClusterFetchTimeout = 50 * time.Millisecond

// RenameCluster gives a cluster another name, under which Envoy finds its endpoints by the name that
// it had.
func RenameCluster(c *clusterv3.Cluster, name string) {
	if eds := c.GetEdsClusterConfig(); eds != nil && eds.GetServiceName() == "" {
		eds.ServiceName = c.GetName()
	}
	c.Name = name
}
