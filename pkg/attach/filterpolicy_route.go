package attach

import (
	"context"
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// enabled enables the filters of a route's policies in the Route hook, and adds the policies to the
// route's metadata, so that the translation inserts the filters.
type enabled[T any] struct{ *filterPolicy[T] }

// Plan applies the effective policy of each slot.
func (p enabled[T]) Plan(in *mutator.Input, r mutator.View) *mutator.Plan[*routev3.Route] {
	if len(in.Objects.Of(p.Kind)) == 0 {
		return nil
	}
	found := p.attached(in, r.References())
	var groups [][]policy.Attachment
	onFailure := mutator.Ignore
	for _, slot := range p.slots(found) {
		g := effectiveFirst(slot, p.OnFailure)
		if g == nil {
			continue
		}
		groups = append(groups, g)
		if p.denies(g[0].Object) {
			onFailure = mutator.Deny
		}
	}
	if len(groups) == 0 {
		return nil
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:      func(_ context.Context, r *routev3.Route) error { return p.leave(in, r, groups, onFailure) },
		CacheKey:  new(mutator.AttachedKey(found)),
		OnFailure: onFailure,
		Affected: func(*routev3.Route) (on []*policy.Object) {
			for _, g := range groups {
				on = append(on, g[0].Object)
			}
			return on
		},
	}
}

// attached returns the policies of a route, or the filters of its rule, which are all filters of
// the call.
func (p enabled[T]) attached(in *mutator.Input, of []xds.Reference) (found []policy.Attachment) {
	if !p.isOfRule {
		return mutator.Attached(in, p.Kind, of)
	}
	for _, o := range in.Objects.Of(p.Kind) {
		found = append(found, policy.Attachment{Object: o, Specificity: policy.ToRule})
	}
	return found
}

// effectiveFirst returns a slot with the effective policy first and without other invalid policies,
// or nil if no policy is effective.
func effectiveFirst(slot []policy.Attachment, onFailure mutator.FailurePolicy) []policy.Attachment {
	e := Effective(slot, onFailure)
	if e == nil {
		return nil
	}
	out := []policy.Attachment{*e}
	for _, a := range slot {
		if a.Err == nil && a.Object != e.Object {
			out = append(out, a)
		}
	}
	return out
}

func (p enabled[T]) leave(in *mutator.Input, r *routev3.Route, groups [][]policy.Attachment, onFailure mutator.FailurePolicy) error {
	for _, g := range groups {
		if err := p.enable(r, g[0].Object); err != nil {
			return fmt.Errorf("%s: %w", g[0].Object, err)
		}
	}
	entry, err := mutator.EncodeAttachedGroups(in, p.Kind, groups)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), entry)
	if onFailure == mutator.Deny {
		mutator.Hold(p.Kind, r)
	}
	return nil
}

func (p *filterPolicy[T]) enable(r *routev3.Route, o *policy.Object) error {
	if o.Err != nil {
		return o.Err
	}
	return p.set(&r.TypedPerFilterConfig, o)
}

// enabledHosts enables the filters of policies on Gateways and listeners on their virtual hosts,
// and denies traffic if a required filter is missing.
type enabledHosts[T any] struct{ *filterPolicy[T] }

// Plan applies the policies of the configuration's listeners.
func (p enabledHosts[T]) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	c := p.chains(in)
	use := c.configurations[rc.Name()]
	if use == nil {
		return nil
	}
	name := rc.Name()
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:      func(_ context.Context, rc *routev3.RouteConfiguration) error { return p.configure(in, rc) },
		CacheKey:  new(fmt.Sprintf("%t%t%s", in.Has(mutator.KindListener), in.Has(mutator.KindCluster), use.key)),
		OnFailure: use.onFailure,
		Affected:  func(*routev3.RouteConfiguration) []*policy.Object { return p.ofListeners(in, name) },
	}
}

// ofListeners returns the effective policies of the listeners of a configuration.
func (p *filterPolicy[T]) ofListeners(in *mutator.Input, configuration string) (on []*policy.Object) {
	seen := map[*policy.Object]bool{}
	for _, h := range in.Routes().Hosts(configuration) {
		for _, slot := range p.ofHost(in, h.Listeners()) {
			if e := Effective(slot, p.OnFailure); e != nil && !seen[e.Object] {
				seen[e.Object] = true
				on = append(on, e.Object)
			}
		}
	}
	return on
}

// ofHost returns the policies of listeners, by slot. Policies past a limit are invalid.
func (p *filterPolicy[T]) ofHost(in *mutator.Input, listeners []xds.Reference) [][]policy.Attachment {
	return p.judged(in, p.slots(mutator.Attached(in, p.Kind, listeners)))
}

func (p enabledHosts[T]) configure(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	for _, vh := range rc.GetVirtualHosts() {
		of := p.ofHost(in, xds.ListenersOf(rc.GetName(), vh))
		for _, slot := range of {
			if e := Effective(slot, p.OnFailure); e != nil && e.Err == nil && policy.As[T](e.Object) != nil {
				if err := p.set(&vh.TypedPerFilterConfig, e.Object); err != nil {
					return err
				}
			}
		}
		for _, r := range vh.GetRoutes() {
			if err := p.applyToRoute(in, of, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// applyToRoute disables the filters of listeners that policies of the route override. It denies the
// route if one of its effective policies has Deny and cannot be applied.
func (p enabledHosts[T]) applyToRoute(in *mutator.Input, of [][]policy.Attachment, r *routev3.Route) error {
	own := p.judged(in, p.ofRoute(in, xds.MetadataEntries(r.GetMetadata())))
	for _, slot := range p.join(of, own) {
		e := Effective(slot, p.OnFailure)
		if e == nil {
			continue
		}
		if p.denies(e.Object) && (e.Err != nil || p.isMissing(in, e.Object)) {
			return xds.DenyRoute(r)
		}
	}
	for _, g := range own {
		i := p.indexOf(of, g)
		if i < 0 || Effective(g, p.OnFailure) == nil {
			continue
		}
		if e := Effective(of[i], p.OnFailure); e != nil && e.Err == nil && !p.isUpstream(e.Object) {
			if err := httpfilter.Set(&r.TypedPerFilterConfig, p.filterName(e.Object), &routev3.FilterConfig{Disabled: true}); err != nil {
				return err
			}
		}
	}
	return nil
}
