package attach

import (
	"context"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes leaves the policies of a route on it, for the Translation hook to find: Envoy
// Gateway passes route-targeted policies to the Route hook only.
type routes struct {
	kind      policy.Kind
	onFailure mutator.FailurePolicy
	// edit edits the route as the effective policy says; nil if it does nothing to routes.
	edit func(*policy.Object, *routev3.Route) error
}

// Plan leaves the policies that are attached to the route on it. The key stands for all: the entry in
// its metadata has them.
func (p routes) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	gvk := p.kind.GroupVersionKind
	if len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	found := mutator.Attached(in, gvk, r.References())
	effective := Effective(found, p.onFailure)
	if effective == nil {
		return nil
	}
	onFailure := OnFailure(effective.Object, p.onFailure)
	return &mutator.Plan[*routev3.Route]{
		Edit: func(_ context.Context, r *routev3.Route) error {
			return p.leave(in, r, *effective, found, onFailure)
		},
		CacheKey:  new(mutator.AttachedKey(found)),
		OnFailure: onFailure,
		Affected:  func(*routev3.Route) []*policy.Object { return []*policy.Object{effective.Object} },
	}
}

// leave leaves the policies on the route, and holds it until the translation has applied an effective policy without
// which it must not be served. If that one is invalid it is an error here already, and Envoy
// responds for the route. Of the others, the invalid ones are reported here.
func (p routes) leave(in *mutator.Input, r *routev3.Route, effective policy.Attachment, found []policy.Attachment, onFailure mutator.FailurePolicy) error {
	if effective.Err != nil {
		return fmt.Errorf("%s: %w", effective.Object, effective.Err)
	}
	if p.edit != nil {
		if err := p.edit(effective.Object, r); err != nil {
			return err
		}
	}
	others := slices.DeleteFunc(slices.Clone(found), func(c policy.Attachment) bool { return c.Err != nil || c.Object == effective.Object })
	m, err := mutator.EncodeAttached(in, p.kind.GroupVersionKind, effective, others)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
	if onFailure == mutator.Deny {
		mutator.Hold(p.kind.GroupVersionKind, r)
	}
	return nil
}
