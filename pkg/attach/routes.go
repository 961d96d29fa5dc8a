package attach

import (
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// denyingAll returns the policies with Deny in a translation without routes: their listeners are
// unknown, so that they deny all.
func denyingAll(in *mutator.Input, kind schema.GroupVersionKind, onFailure mutator.FailurePolicy) (all []*policy.Object) {
	if len(in.Routes().Configurations()) > 0 {
		return nil
	}
	for _, o := range in.Objects.Of(kind) {
		if OnFailure(o, onFailure) == mutator.Deny {
			all = append(all, o)
		}
	}
	return all
}

// noRoutesKey is the cache key of an edit that does not know the routes.
const noRoutesKey = "routes not included"

// needsNoRoutes returns an error for a listener that needs routes, which the translation does not
// contain.
func needsNoRoutes(l *listenerv3.Listener) error {
	if slices.ContainsFunc(xds.RouteConfigurationsOf(l), func(name string) bool { return name != "" }) {
		return errNoRoutes
	}
	return nil
}

// ownOfRoutes returns the policies of each route of a virtual host that has its own. others is the
// number of routes that have none. For a virtual host without routes hasOthers is true, too: the
// policies of its listeners have a target.
func ownOfRoutes[P any](h *xds.VirtualHostIndex, read func([]xds.MetadataEntry) []P) (own [][]P, others int, hasOthers bool) {
	routes := h.MetadataEntries()
	for _, entries := range routes {
		if found := read(entries); len(found) > 0 {
			own = append(own, found)
		} else {
			others++
		}
	}
	return own, others, others > 0 || len(routes) == 0
}
