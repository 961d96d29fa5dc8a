package backendmtls

import (
	"context"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// routeConfigurations refuse the requests of routes whose clusters did not come with the
// translation: nothing can be made of those, and Envoy would speak to them in cleartext.
type routeConfigurations struct{}

// Applies tells whether clusters are missing to which routes with a policy lead.
func (routeConfigurations) Applies(in *mutator.Input, rc mutator.View) bool {
	if in.Has(mutator.KindCluster) {
		return false
	}
	origin := in.Reach().Configuration(rc.Name())
	return origin != nil && len(leading(in, origin)) > 0
}

// Mutate denies each route that leads to a cluster with a policy.
func (routeConfigurations) Mutate(_ context.Context, in *mutator.Input, rc *routev3.RouteConfiguration) error {
	clusters := indexOf(in).clusters
	for _, vh := range rc.GetVirtualHosts() {
		for _, r := range vh.GetRoutes() {
			if !leadsTo(clusters, r) {
				continue
			}
			if err := xds.DenyRoute(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// leadsTo tells whether a route leads to a cluster that policies reach.
func leadsTo(clusters map[string]*reached, r *routev3.Route) bool {
	for _, name := range xds.ClustersOf(r.GetRoute()) {
		if c := clusters[name]; c != nil && len(c.found) > 0 {
			return true
		}
	}
	return false
}
