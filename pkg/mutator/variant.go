package mutator

import (
	"context"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// ClusterVariants edits clusters on behalf of the routes and listeners that lead to them. Envoy
// Gateway may route requests of several owners to one cluster, so a feature returns the variant of
// the clusters for each way, and the engine does the rest: if all ways to a cluster have the same
// variants of all features, it edits the cluster in place; otherwise each combination gets a copy,
// to which its routes lead. A way without a variant keeps the unmodified cluster.
type ClusterVariants interface {
	// PlanVariant returns the variant of the clusters that requests reach by a way, or nil
	// to leave them unmodified. The engine calls it once for each way of an input. The way
	// is nil in a translation without routes: the variant then applies to all clusters to which
	// HTTPRoutes and GRPCRoutes may lead.
	PlanVariant(in *Input, way *xds.Way) *Variant
}

// Variant is a feature's edit of the clusters of a way.
type Variant struct {
	// Name identifies the variant in the feature, usually by the name of the effective policy;
	// variants with the same name are the same. It must not change when the policy is edited, so
	// that Envoy treats the edit as an update of the same cluster. Without a name, there is nothing
	// to edit.
	Name string
	// Edit is as in [Plan], for each cluster of the way in turn. It must be idempotent, and must
	// not rename copies.
	Edit func(ctx context.Context, target *clusterv3.Cluster) error
	// CacheKey identifies everything that Edit reads in addition to the cluster, as in
	// [Plan].
	CacheKey string
	// OnFailure is as in [Plan]. If Edit fails on a copy, Fail is the same as Deny.
	OnFailure FailurePolicy
	// Policies are not in effect if Edit fails. If the list is empty, this applies to all policies.
	Policies []*policy.Object
	// Reject means that requests of the way must not be served: their routes are denied.
	Reject bool
}
