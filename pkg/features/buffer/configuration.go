package buffer

import (
	"context"
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routeConfigurations applies the policies of Gateways and listeners to the virtual hosts of
// those, and of no other listener that shares the port. If no listeners came with the
// translation, so that there is no filter, policies that say Deny have their targets denied.
type routeConfigurations struct{}

// Plan applies the policies of the configuration's listeners. A configuration that needs the
// filter has to have it switched off for all others.
func (routeConfigurations) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	origin := in.Routes().Configuration(rc.Name())
	if origin == nil {
		return nil
	}
	var found []policy.Attachment
	if len(in.Objects.Of(gvk)) > 0 {
		found = attached(in, origin.Listeners()...)
	}
	needed := needOf(in).configurations[rc.Name()]
	if len(found) == 0 && !needed {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:      func(_ context.Context, rc *routev3.RouteConfiguration) error { return configure(in, rc) },
		CacheKey:  new(configurationKey(in, origin, needed)),
		OnFailure: failurePolicy(found),
		Affected:  func(*routev3.RouteConfiguration) []*policy.Object { return winners(in, origin) },
	}
}

// configurationKey stands for the policies of each listener, and whether there can be a filter.
func configurationKey(in *mutator.Input, origin *xds.Referrers, needed bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t%t", in.Has(mutator.KindListener), needed)
	for _, l := range origin.Listeners() {
		b.WriteString(l.String() + "\x00" + mutator.AttachedKey(attached(in, l)) + "\x00")
	}
	return b.String()
}

// winners are the policies that win the listeners of a configuration.
func winners(in *mutator.Input, origin *xds.Referrers) (on []*policy.Object) {
	for _, l := range origin.Listeners() {
		if w := winner(attached(in, l)); w != nil {
			on = append(on, w.Object)
		}
	}
	return on
}

// configure writes onto each virtual host what the policy that wins its listener says. One that
// is wrong and demands to deny does so to its own virtual hosts: an error would be that of
// the whole configuration.
func configure(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	if in.Has(mutator.KindListener) && needOf(in).configurations[rc.GetName()] {
		if err := setDefault(rc); err != nil {
			return err
		}
	}
	for _, vh := range rc.GetVirtualHosts() {
		if w := winner(attached(in, xds.ListenersOf(rc.GetName(), vh)...)); w != nil {
			if err := applyTo(vh, in, w); err != nil {
				return err
			}
		}
		for _, r := range vh.GetRoutes() {
			if lacksFilter(in, markedWinner(in, r)) {
				if err := xds.DenyRoute(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func applyTo(vh *routev3.VirtualHost, in *mutator.Input, w *policy.Attachment) error {
	s, err := spec(w.Object)
	if err != nil || lacksFilter(in, w) {
		return denyVirtualHost(vh)
	}
	return setVirtualHost(vh, s)
}

// lacksFilter tells whether a policy, nil for none, cannot be in effect for lack of the filter
// and demands to deny.
func lacksFilter(in *mutator.Input, w *policy.Attachment) bool {
	return buffers(w) && denies(w.Object) && !in.Has(mutator.KindListener)
}

// markedWinner is the policy that wins a route of those that the Route hook left on it.
func markedWinner(in *mutator.Input, r *routev3.Route) *policy.Attachment {
	for _, m := range xds.MetadataEntries(r.GetMetadata()) {
		if w := winner(mutator.DecodeAttached(in, kind(), m)); w != nil {
			return w
		}
	}
	return nil
}
