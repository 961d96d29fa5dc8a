package mutator

import (
	"context"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// ClusterVariants edits clusters on behalf of the routes and listeners that lead to them. Envoy
// Gateway may lead requests of several owners to one cluster, so a feature says which variant of
// its clusters each way gets, and leaves the rest to the engine: if all ways to a cluster have the
// same variants, of all features, it is edited in place, and otherwise each combination gets a copy
// of it, to which its routes lead. A way without a variant keeps the cluster unmodified.
type ClusterVariants interface {
	// PlanVariant says what becomes of the clusters that requests come to by a way; nil: they are
	// unmodified. It is asked once for each way of an input. The way is nil in a translation
	// without routes: the variant is then that of all clusters that HTTPRoutes and GRPCRoutes may
	// lead to.
	PlanVariant(in *Input, way *xds.Way) *Variant
}

// Variant is what a feature makes of the clusters of a way.
type Variant struct {
	// Name tells the variants of a feature apart, as a rule by the name of the effective policy;
	// variants with the same name are the same. It must not change when the policy is edited:
	// Envoy then takes the edit as one of the same cluster. Without a name there is nothing to
	// edit.
	Name string
	// Edit is as that of a [Plan], of each cluster of the way in turn. It must be idempotent, and
	// must not rename copies.
	Edit func(ctx context.Context, target *clusterv3.Cluster) error
	// CacheKey stands for all that Edit reads besides the cluster, as in [Plan].
	CacheKey string
	// OnFailure is as in [Plan]. If Edit fails on a copy, Fail is the same as Deny.
	OnFailure FailurePolicy
	// Policies are those that are not in effect if Edit fails; all if there are none.
	Policies []*policy.Object
	// Reject says that the requests of the way must not be served: their routes are denied.
	Reject bool
}
