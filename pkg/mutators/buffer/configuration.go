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

// Applies tells whether any listener of the configuration has a policy, or the configuration
// needs the filter.
func (routeConfigurations) Applies(in *mutator.Input, rc mutator.View) bool {
	origin := in.Reach().Configuration(rc.Name())
	return origin != nil && (len(in.Objects.Of(gvk)) > 0 && len(attached(in, origin.Listeners()...)) > 0 ||
		needOf(in).configurations[rc.Name()])
}

// Key stands for the policies of each listener, and whether there can be a filter.
func (routeConfigurations) Key(in *mutator.Input, rc mutator.View) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%t%t", in.Has(mutator.KindListener), needOf(in).configurations[rc.Name()])
	for _, l := range in.Reach().Configuration(rc.Name()).Listeners() {
		b.WriteString(l.String() + "\x00" + mutator.AttachedKey(attached(in, l)) + "\x00")
	}
	return b.String()
}

// FailurePolicy is what the closest of the policies says.
func (routeConfigurations) FailurePolicy(in *mutator.Input, rc mutator.View) mutator.FailurePolicy {
	origin := in.Reach().Configuration(rc.Name())
	if origin == nil {
		return ""
	}
	return failurePolicy(attached(in, origin.Listeners()...))
}

// Bears are the policies that win the listeners of the configuration.
func (routeConfigurations) Bears(in *mutator.Input, rc *routev3.RouteConfiguration) (on []*policy.Object) {
	origin := in.Reach().Configuration(rc.GetName())
	if origin == nil {
		return nil
	}
	for _, l := range origin.Listeners() {
		if w := winner(attached(in, l)); w != nil {
			on = append(on, w.Object)
		}
	}
	return on
}

// Mutate writes onto each virtual host what the policy that wins its listener says. One that
// is wrong and demands to deny does so to its own virtual hosts: an error would be that of
// the whole configuration.
func (routeConfigurations) Mutate(_ context.Context, in *mutator.Input, rc *routev3.RouteConfiguration) error {
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

func applyTo(vh *routev3.VirtualHost, in *mutator.Input, w *policy.Candidate) error {
	s, err := spec(w.Object)
	if err != nil || lacksFilter(in, w) {
		return denyVirtualHost(vh)
	}
	return setVirtualHost(vh, s)
}

// lacksFilter tells whether a policy, nil for none, cannot be in effect for lack of the filter
// and demands to deny.
func lacksFilter(in *mutator.Input, w *policy.Candidate) bool {
	return buffers(w) && denies(w.Object) && !in.Has(mutator.KindListener)
}

// markedWinner is the policy that wins a route of those that the Route hook left on it.
func markedWinner(in *mutator.Input, r *routev3.Route) *policy.Candidate {
	for _, m := range xds.Marks(r.GetMetadata()) {
		if w := winner(mutator.Marked(in, kind(), m)); w != nil {
			return w
		}
	}
	return nil
}
