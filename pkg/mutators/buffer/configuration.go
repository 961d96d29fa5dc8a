package buffer

import (
	"context"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routeConfigurations applies the policies of Gateways and listeners to the virtual hosts of
// those, and of no other listener that shares the port.
type routeConfigurations struct{}

// Applies tells whether any listener of the configuration has a policy.
func (routeConfigurations) Applies(in *mutator.Input, rc mutator.View) bool {
	origin := in.Reach().Configuration(rc.Name())
	return origin != nil && len(in.Objects.Of(gvk)) > 0 && len(attached(in, origin.Listeners()...)) > 0
}

// Key stands for the policies of each listener.
func (routeConfigurations) Key(in *mutator.Input, rc mutator.View) string {
	var b strings.Builder
	for _, l := range in.Reach().Configuration(rc.Name()).Listeners() {
		b.WriteString(l.String() + "\x00" + keyOf(attached(in, l)) + "\x00")
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
	for _, vh := range rc.GetVirtualHosts() {
		w := winner(attached(in, xds.References(vh.GetMetadata())...))
		if w == nil {
			continue
		}
		s, err := spec(w.Object)
		if err != nil {
			err = denyVirtualHost(vh)
		} else {
			err = setVirtualHost(vh, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
