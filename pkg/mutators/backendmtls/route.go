package backendmtls

import (
	"context"

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
	return len(in.Objects.Of(gvk)) > 0 && len(attachedToRoute(in, r.References())) > 0
}

// Key stands for all policies that are attached to the route: the mark has them.
func (routes) Key(in *mutator.Input, r mutator.View) string {
	return keyOf(attachedToRoute(in, r.References()))
}

// Mutate marks the route with the policies that are attached to it. If the one that wins
// is wrong that is an error here already, and Envoy answers for the route.
func (routes) Mutate(_ context.Context, in *mutator.Input, r *routev3.Route) error {
	found := attachedToRoute(in, xds.References(r.GetMetadata()))
	if len(found) == 0 {
		return nil
	}
	if _, err := spec(found[0].Object); err != nil {
		return err
	}
	value, err := mark(found)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMark(r.GetMetadata(), xds.Mark{Key: gvk.Kind, Value: value})
	return nil
}

type policiesKey struct{}

func attachedToRoute(in *mutator.Input, refs []xds.Reference) []policy.Candidate {
	policies := mutator.Derive(in, policiesKey{}, func(in *mutator.Input) *policy.Index {
		return policy.NewIndex(in.Objects.Of(gvk))
	})
	return policies.Attached(places(refs))
}
