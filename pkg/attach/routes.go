package attach

import (
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// denyingAll are the policies that deny in a translation without routes: which listeners are theirs is
// not known, so that they deny all.
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

// noRoutesKey is the cache key of the edit of a listener whose routes are not known.
const noRoutesKey = "routes not included"

// needsNoRoutes is an error for a listener that asks for routes, which did not come with the translation.
func needsNoRoutes(l *listenerv3.Listener) error {
	if slices.ContainsFunc(xds.RouteConfigurationsOf(l), func(name string) bool { return name != "" }) {
		return errNoRoutes
	}
	return nil
}

// ownOfRoutes are the policies of the routes of a virtual host that have any of their own, by route. Others is
// how many have none. A virtual host without routes has others, too: the policies of its listeners have a
// target.
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
