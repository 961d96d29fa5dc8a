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

// Plan applies the policies that are attached to the route. The key stands for all: the mark has
// them.
func (routes) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	if len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	found := attached(in, r.References()...)
	if len(found) == 0 {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:      func(_ context.Context, r *routev3.Route) error { return mark(in, r, found) },
		CacheKey:  new(mutator.AttachedKey(found)),
		OnFailure: failurePolicy(found),
	}
}

// mark writes the policy that wins onto the route. The listeners need to know of it, and the
// report, so that all that are attached are left as a mark.
func mark(in *mutator.Input, r *routev3.Route, found []policy.Attachment) error {
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
	losers := slices.DeleteFunc(slices.Clone(found), func(c policy.Attachment) bool { return c.Object == w.Object || !usable(c.Object) })
	m, err := mutator.EncodeAttached(in, gvk, *w, losers)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
	if denies(w.Object) {
		mutator.Hold(gvk, r)
	}
	return nil
}
