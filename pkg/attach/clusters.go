package attach

import (
	"iter"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Change is the result of the edit of a cluster.
type Change int

const (
	// Unmodified means that the policy does not apply to such a cluster, which stays unmodified. The
	// policy is Programmed nevertheless.
	Unmodified Change = iota
	// Modified is a cluster that has what the policy makes of it, also if it had that before.
	Modified
	// Replaced is a cluster that was edited, and must not serve requests as it was: if Envoy
	// rejects an update it goes on with the cluster that it has. The cluster gets another name, so
	// that requests fail instead.
	Replaced
)

// ClusterPolicy is a feature whose custom resources T are policies on Gateways, listeners,
// HTTPRoutes, GRPCRoutes and their rules, and edit the clusters to which requests of their targets
// lead. The most specific policy is the effective one, see [Effective]. If routes with different
// policies lead to one cluster, each policy gets its own copy.
//
// Name, Kind, Targets, Edit and Describe are required.
type ClusterPolicy[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Targets are the targets of a policy. They are validated before Validate is called.
	Targets func(*T) *v1alpha1.PolicyTargets
	// TargetKinds are the kinds of targets that there may be; Gateway, GatewayClass, HTTPRoute
	// and GRPCRoute if it is empty.
	TargetKinds []string
	// OnFailure is the failure policy of policies that have none of their own, in
	// spec.failurePolicy.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList
	// Edit edits a cluster as the policy says. It must be idempotent, and leave the name. It gets the
	// clusters of mirrored requests, too.
	Edit func(*T, *clusterv3.Cluster) (Change, error)
	// Describe tells what an effective policy does, and to how many clusters.
	Describe func(p *T, clusters int) string

	// Verify tells whether a cluster has what a policy makes of it. It may be nil. A cluster that was
	// edited before, by another egraft, says in its metadata how specific that policy was, and a
	// less specific one does not edit it again. Others can write such metadata as well: a policy
	// that protects must verify it.
	Verify func(*clusterv3.Cluster) (bool, error)
	// EDSInitialFetchTimeout is how long Envoy waits for the endpoints of a modified cluster; 0
	// leaves Envoy's default.
	EDSInitialFetchTimeout time.Duration
}

// Feature returns the feature.
func (p ClusterPolicy[T]) Feature() mutator.Feature {
	c := &clusterPolicy[T]{ClusterPolicy: p, kind: policy.NewKind(p.Kind, p.validate)}
	return withoutRoutes(p.TargetKinds, mutator.Feature{
		Name:            p.Name,
		Err:             missing("ClusterPolicy", p.Name, p.Kind, required{"Targets", p.Targets != nil}, required{"Edit", p.Edit != nil}, required{"Describe", p.Describe != nil}),
		Hooks:           []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:     true,
		RenamesClusters: true,
		Policies:        []policy.Kind{c.kind},
		FailurePolicy:   p.OnFailure,
		Routes:          routes{c.kind, p.OnFailure, nil},
		ClusterVariants: c,
		Reporter: Reporter{
			Kind: p.Kind, OnFailure: p.OnFailure, Targets: c.targets, Describe: c.describe,
			NoTarget: "no route of any target leads to a cluster", Failure: c.failure,
			Denied: func(in *mutator.Input) map[string]*policy.Object { return c.indexOf(in).past },
		},
	})
}

func (p ClusterPolicy[T]) validate(t *T) field.ErrorList {
	return validate(t, p.Targets, p.TargetKinds, p.Validate)
}

// clusterPolicy is the feature at work.
type clusterPolicy[T any] struct {
	ClusterPolicy[T]
	kind policy.Kind
}

func (p *clusterPolicy[T]) indexOf(in *mutator.Input) *index {
	return mutator.ComputeOnce(in, indexKey{p.Kind}, func(in *mutator.Input) *index { return newIndex(in, p.kind, p.OnFailure) })
}

// targets are the groups of clusters. A policy that is effective on several ways to them is so
// once.
func (p *clusterPolicy[T]) targets(in *mutator.Input) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		x := p.indexOf(in)
		for _, w := range x.order { // policies are told of in the order of the configuration
			if !yield(Target{Attached: w.found}) {
				return
			}
		}
		for _, g := range x.byLast(in) {
			counted := map[*policy.Object]bool{}
			for _, way := range g.Ways {
				w := x.ways[way]
				t := Target{Attached: w.found}
				if e := w.effective; e != nil && !counted[e.Object] {
					counted[e.Object], t.Resources = true, len(g.Clusters)
				}
				if !yield(t) {
					return
				}
			}
		}
	}
}

// failure is why a policy cannot be applied for what did not come with the translation.
func (p *clusterPolicy[T]) failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	if OnFailure(o, p.OnFailure) != mutator.Deny {
		if r == mutator.Programmed && !in.Has(mutator.KindCluster) {
			return mutator.NotIncluded(mutator.KindCluster)
		}
		return ""
	}
	switch hasClusters := in.Has(mutator.KindCluster); {
	case r == mutator.Programmed && !hasClusters:
		return mutator.NotIncluded(mutator.KindCluster) + "; requests of its routes are rejected"
	case r == mutator.TargetNotFound && hasClusters && p.indexOf(in).anywhere != nil:
		return errNoRoutes.Error() + "; requests to all backends are rejected"
	default:
		return ""
	}
}

func (p *clusterPolicy[T]) describe(o *policy.Object, t *Tally) string {
	return p.Describe(policy.As[T](o), t.Resources) + t.Elsewhere(o)
}
