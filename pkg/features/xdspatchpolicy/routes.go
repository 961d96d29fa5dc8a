package xdspatchpolicy

import (
	"context"
	"errors"
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routes adds the policies of a route to its metadata for the Translation hook: Envoy Gateway
// passes policies of routes to the Route hook only.
type routes struct{}

// Plan adds the valid policies, each of which takes effect. An invalid policy with failure policy
// Deny fails.
func (routes) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	if len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	var on []policy.Attachment
	onFailure := mutator.Ignore
	for _, c := range mutator.Attached(in, gvk, r.References()) {
		if c.Err != nil && !denies(c.Object) {
			continue
		}
		on = append(on, c)
		if denies(c.Object) {
			onFailure = mutator.Deny
		}
	}
	if len(on) == 0 {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:      func(_ context.Context, r *routev3.Route) error { return leave(in, r, on, onFailure) },
		CacheKey:  new(mutator.AttachedKey(on)),
		OnFailure: onFailure,
		Affected:  func(*routev3.Route) []*policy.Object { return objectsOf(on) },
	}
}

func leave(in *mutator.Input, r *routev3.Route, on []policy.Attachment, onFailure mutator.FailurePolicy) error {
	for _, c := range on {
		if c.Err != nil {
			return fmt.Errorf("%s: %w", c.Object, c.Err)
		}
	}
	kept, dropped, err := fitting(in, on)
	if err != nil {
		return err
	}
	if dropped.denies() {
		return errors.Join(partial(dropped), xds.DenyRoute(r))
	}
	entry, err := entryOf(in, kept)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), entry)
	if onFailure == mutator.Deny {
		mutator.Hold(gvk, r)
	}
	return partial(dropped)
}

func objectsOf(on []policy.Attachment) (objects []*policy.Object) {
	for _, c := range on {
		objects = append(objects, c.Object)
	}
	return objects
}
