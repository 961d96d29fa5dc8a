package originaldestination

import (
	"context"
	"errors"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// clusters makes Envoy connect a backend's cluster to the destination of each request.
type clusters struct{}

// errNoListeners is why a cluster is denied in a translation without listeners.
var errNoListeners = errors.New(mutator.NotIncluded(mutator.KindListener) + ", so the filters are missing")

// Plan rewrites the cluster of a backend. In a translation without listeners, it denies the
// cluster, because egraft could not insert the filters: without a destination, Envoy uses the
// address of a PROXY protocol header.
func (clusters) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	if in.Hook == mutator.HookTranslation {
		if in.Has(mutator.KindListener) || len(backendsOf(in, in.Routes().ForCluster(c.Name()))) == 0 {
			return nil
		}
		return &mutator.Plan[*clusterv3.Cluster]{
			Edit: func(context.Context, *clusterv3.Cluster) error { return errNoListeners },
			Affected: func(c *clusterv3.Cluster) []*policy.Object {
				return backendsOf(in, in.Routes().ForCluster(c.GetName()))
			},
		}
	}
	backends := in.Objects.Of(gvk)
	if len(backends) == 0 {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{
		Edit:     func(_ context.Context, c *clusterv3.Cluster) error { return rewrite(c, backends) },
		CacheKey: new(keyOf(backends)),
	}
}

// rewrite makes a cluster lead to the destination of each request. It removes what only Envoy
// Gateway's own kinds of clusters use, such as endpoints, health checks and load balancers.
func rewrite(c *clusterv3.Cluster, backends []*policy.Object) error {
	_, b, err := only(backends)
	if err != nil {
		return err
	}
	s := &b.Spec
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST}
	c.EdsClusterConfig, c.LoadAssignment, c.HealthChecks = nil, nil, nil
	c.LoadBalancingPolicy, c.LbSubsetConfig = nil, nil
	c.CommonLbConfig = noOverrides()
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.LbConfig = &clusterv3.Cluster_OriginalDstLbConfig_{OriginalDstLbConfig: lbConfig(s.Port)}
	c.ConnectTimeout, c.CleanupInterval = seconds(s.ConnectTimeout), seconds(s.CleanupInterval)
	c.CircuitBreakers = &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{
		thresholds(corev3.RoutingPriority_DEFAULT, &s.CircuitBreakers), thresholds(corev3.RoutingPriority_HIGH, &s.CircuitBreakers),
	}}
	return setSocket(c, s.TLS)
}

// noOverrides makes Envoy ignore an override host: a filter takes it from a client's cookie or
// header, and it can be any host that the cluster knows. No host has a status of the empty set.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/cluster/v3/cluster.proto#envoy-v3-api-field-config-cluster-v3-cluster-commonlbconfig-override-host-status
func noOverrides() *clusterv3.Cluster_CommonLbConfig {
	return &clusterv3.Cluster_CommonLbConfig{OverrideHostStatus: &corev3.HealthStatusSet{}}
}

func lbConfig(port *int) *clusterv3.Cluster_OriginalDstLbConfig {
	out := &clusterv3.Cluster_OriginalDstLbConfig{MetadataKey: &metadatav3.MetadataKey{
		Key:  ownNamespace,
		Path: []*metadatav3.MetadataKey_PathSegment{{Segment: &metadatav3.MetadataKey_PathSegment_Key{Key: destinationKey}}},
	}}
	if port != nil {
		out.UpstreamPortOverride = number(port)
	}
	return out
}

// thresholds allows no retries, and therefore no hedged requests: see [once].
func thresholds(p corev3.RoutingPriority, b *v1alpha1.DestinationCircuitBreakers) *clusterv3.CircuitBreakers_Thresholds {
	return &clusterv3.CircuitBreakers_Thresholds{
		Priority:           p,
		MaxConnections:     number(b.MaxConnections),
		MaxPendingRequests: number(b.MaxPendingRequests),
		MaxRequests:        number(b.MaxParallelRequests),
		MaxRetries:         wrapperspb.UInt32(0),
	}
}

func number(n *int) *wrapperspb.UInt32Value { return wrapperspb.UInt32(uint32(*n)) } //nolint:gosec // validated

func seconds(d gwapiv1.Duration) *durationpb.Duration {
	t, _ := duration.Parse(d) // validated
	return durationpb.New(t)
}
