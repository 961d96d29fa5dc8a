package xds

import (
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// heldPrefix begins the cluster names of a held route, which leads nowhere until the Translation
// hook has processed it. There is no such cluster: Envoy responds with 503.
const heldPrefix = "egraft/held/"

// HoldRoute makes a route lead nowhere until [ReleaseRoutes] releases it, which requires an entry with
// the key. The metadata that the Route hook adds for the translation may be lost: Envoy Gateway may not
// include routes, and another extension server or a patch may remove metadata. Requests on the route of
// a policy with the failure policy Deny are then rejected, instead of served without the policy.
func HoldRoute(r *routev3.Route, key string) {
	prefix := heldPrefix + key + "/"
	eachCluster(r.GetRoute(), func(name *string) {
		if *name != "" && !holders(*name)[key] {
			*name = prefix + *name
		}
	})
}

// isHeld reports whether a route is held.
func isHeld(a *routev3.RouteAction) (held bool) {
	eachCluster(a, func(name *string) { held = held || strings.HasPrefix(*name, heldPrefix) })
	return held
}

// releaseRoute releases the route for the keys for which lift returns true.
func releaseRoute(a *routev3.RouteAction, lift func(key string) bool) {
	eachCluster(a, func(name *string) {
		kept, rest := "", *name
		for {
			key, after, held := cutHold(rest)
			if !held {
				break
			}
			if !lift(key) {
				kept += heldPrefix + key + "/"
			}
			rest = after
		}
		*name = kept + rest
	})
}

// Released returns the name of the cluster to which a held route leads after its release.
func Released(name string) string {
	for {
		_, after, held := cutHold(name)
		if !held {
			return name
		}
		name = after
	}
}

// holders returns the keys for which a cluster's name is held.
func holders(name string) map[string]bool {
	out := map[string]bool{}
	for {
		key, after, held := cutHold(name)
		if !held {
			return out
		}
		out[key], name = true, after
	}
}

func cutHold(name string) (key, after string, held bool) {
	rest, held := strings.CutPrefix(name, heldPrefix)
	if !held {
		return "", name, false
	}
	return strings.Cut(rest, "/")
}
