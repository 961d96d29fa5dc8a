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

// routes adds the policies of a route to its metadata, for the Translation hook: Envoy Gateway
// passes route-targeted policies only to the Route hook.
type routes struct {
	kind      policy.Kind
	onFailure mutator.FailurePolicy
	// edit applies the effective policy to the route; nil if policies do not change routes.
	edit func(*policy.Object, *routev3.Route) error
}

// Plan adds the policies that are attached to the route to its metadata. The cache key depends on
// all of them, because the entry contains all.
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

// leave adds the policies to the route's metadata. If the effective policy has Deny, it also holds
// the route until the translation has applied the policy. An invalid effective policy is an error
// here, and Envoy responds for the route. Other invalid policies are reported here.
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
