package buffer

import (
	"context"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes applies the policy of a route where it comes: Envoy Gateway passes route-targeted
// policies to the Route hook only.
type routes struct{}

// Applies tells whether a policy is attached to the route.
func (routes) Applies(in *mutator.Input, r mutator.View) bool {
	return len(in.Objects.Of(gvk)) > 0 && len(attached(in, r.References()...)) > 0
}

// Key stands for all policies that are attached to the route: the mark has them.
func (routes) Key(in *mutator.Input, r mutator.View) string {
	return mutator.AttachedKey(attached(in, r.References()...))
}

// FailurePolicy is what the policy that wins the route says.
func (routes) FailurePolicy(in *mutator.Input, r mutator.View) mutator.FailurePolicy {
	return failurePolicy(attached(in, r.References()...))
}

// Mutate writes the policy that wins onto the route. The listeners need to know of it, and
// the report, so that all that are attached are left as a mark.
func (routes) Mutate(_ context.Context, in *mutator.Input, r *routev3.Route) error {
	found := attached(in, xds.References(r.GetMetadata())...)
	w := winner(found)
	if w == nil {
		return nil
	}
	s, err := spec(w.Object)
	if err != nil {
		return err
	}
	if err := setRoute(r, s); err != nil {
		return err
	}
	losers := slices.DeleteFunc(slices.Clone(found), func(c policy.Candidate) bool { return c.Object == w.Object || !usable(c.Object) })
	mark, err := mutator.Mark(in, gvk, *w, losers)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMark(r.GetMetadata(), mark)
	if denies(w.Object) {
		mutator.Hold(gvk, r)
	}
	return nil
}
