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

// Plan marks the route with the policies that are attached to it. The key stands for all: the mark
// has them.
func (routes) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	if len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	found := mutator.Attached(in, gvk, r.References())
	if len(found) == 0 {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:     func(_ context.Context, r *routev3.Route) error { return mark(in, r, found) },
		CacheKey: new(mutator.AttachedKey(found)),
	}
}

// mark marks the route, and holds it until the translation has applied the policy that wins. If
// that one is wrong it is an error here already, and Envoy answers for the route. Of those that
// lost, the wrong ones are reported here.
func mark(in *mutator.Input, r *routev3.Route, found []policy.Attachment) error {
	if _, err := spec(found[0].Object); err != nil {
		return err
	}
	losers := slices.DeleteFunc(slices.Clone(found[1:]), func(c policy.Attachment) bool { return c.Err != nil })
	m, err := mutator.EncodeAttached(in, gvk, found[0], losers)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
	mutator.Hold(gvk, r)
	return nil
}
