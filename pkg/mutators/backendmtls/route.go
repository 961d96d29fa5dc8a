package backendmtls

import (
	"context"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes leaves the policy of a route on it, for the Translation hook to find: Envoy
// Gateway passes route-targeted policies to the Route hook only.
type routes struct{}

// Applies tells whether a policy is attached to the route.
func (routes) Applies(in *mutator.Input, r mutator.View) bool {
	return len(in.Objects.Of(gvk)) > 0 && len(mutator.Attached(in, gvk, r.References())) > 0
}

// Key stands for all policies that are attached to the route: the mark has them.
func (routes) Key(in *mutator.Input, r mutator.View) string {
	return mutator.AttachedKey(mutator.Attached(in, gvk, r.References()))
}

// Mutate marks the route with the policies that are attached to it, and holds it until the
// translation has applied the one that wins. If that one is wrong it is an error here already,
// and Envoy answers for the route. Of those that lost, the wrong ones are reported here.
func (routes) Mutate(_ context.Context, in *mutator.Input, r *routev3.Route) error {
	found := mutator.Attached(in, gvk, xds.References(r.GetMetadata()))
	if len(found) == 0 {
		return nil
	}
	if _, err := spec(found[0].Object); err != nil {
		return err
	}
	losers := slices.DeleteFunc(slices.Clone(found[1:]), func(c policy.Candidate) bool { return c.Err != nil })
	mark, err := mutator.Mark(in, gvk, found[0], losers)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMark(r.GetMetadata(), mark)
	mutator.Hold(gvk, r)
	return nil
}
