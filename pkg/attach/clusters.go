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
	// Unmodified means that the policy does not apply to the cluster, which stays unmodified. The
	// policy is Programmed nevertheless.
	Unmodified Change = iota
	// Modified means that the cluster has the policy's configuration, even if it already had it
	// before.
	Modified
	// Replaced means that the cluster was edited and must not serve requests in its previous form:
	// if Envoy rejects an update, it continues with the previous cluster. The cluster gets another
	// name, so that requests fail instead.
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
	// TargetKinds are the allowed kinds of targets; Gateway, GatewayClass, HTTPRoute and GRPCRoute
	// if it is empty.
	TargetKinds []string
	// OnFailure is the failure policy of policies that do not set spec.failurePolicy.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList
	// Edit applies the policy to a cluster. It must be idempotent and keep the name. It also gets
	// the clusters of mirrored requests.
	Edit func(*T, *clusterv3.Cluster) (Change, error)
	// Describe returns what an effective policy does, and to how many clusters.
	Describe func(p *T, clusters int) string

	// Verify reports whether a cluster has the policy's configuration. It may be nil. If another
	// egraft edited a cluster before, the cluster's metadata contains how specific that policy was,
	// and a less specific policy does not edit it again. Others can write such metadata as well: a
	// policy that protects must verify it.
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

// clusterPolicy implements the feature.
type clusterPolicy[T any] struct {
	ClusterPolicy[T]
	kind policy.Kind
}

func (p *clusterPolicy[T]) indexOf(in *mutator.Input) *index {
	return mutator.ComputeOnce(in, indexKey{p.Kind}, func(in *mutator.Input) *index { return newIndex(in, p.kind, p.OnFailure) })
}

// targets yields the groups of clusters. A policy that is effective on several ways to a group
// counts once.
func (p *clusterPolicy[T]) targets(in *mutator.Input) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		x := p.indexOf(in)
		for _, w := range x.order { // report policies in the order of the configuration
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

// failure returns why a policy cannot be applied: resources that the translation does not contain.
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
