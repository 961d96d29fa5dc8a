package xds

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

// SetEDSInitialFetchTimeout limits how long Envoy waits for a changed cluster's endpoints
// before it continues with the endpoints that it has. Envoy's default is 15 s, although Envoy Gateway
// does not resend them. 0 changes nothing, and neither does a cluster without EDS.
// https://github.com/envoyproxy/envoy/issues/47302
func SetEDSInitialFetchTimeout(c *clusterv3.Cluster, timeout time.Duration) {
	if eds := c.GetEdsClusterConfig().GetEdsConfig(); eds != nil && timeout > 0 {
		eds.InitialFetchTimeout = durationpb.New(timeout)
	}
}

// NewClusterFetchTimeout is how long Envoy waits for the endpoints of a cluster with a new name.
// Envoy Gateway does not send them, because Envoy already has them under the name of the previous
// cluster. Until then, Envoy responds with 503.
const NewClusterFetchTimeout = 50 * time.Millisecond

// RenameCluster gives a cluster another name. Envoy still finds its endpoints by the previous name.
func RenameCluster(c *clusterv3.Cluster, name string) {
	if eds := c.GetEdsClusterConfig(); eds != nil && eds.GetServiceName() == "" {
		eds.ServiceName = c.GetName()
	}
	c.Name = name
}
