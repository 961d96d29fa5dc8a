package mutator

import (
	"slices"

	"github.com/egraft/egraft/pkg/policy"
)

// Kinds returns the kinds of resources in calls of a hook: one resource of the kind, or in the
// Translation hook lists of all kinds that Envoy Gateway is configured to include.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/extension.go
func (h Hook) Kinds() []Kind {
	switch h {
	case HookRoute:
		return []Kind{KindRoute}
	case HookVirtualHost:
		return []Kind{KindVirtualHost}
	case HookHTTPListener:
		return []Kind{KindListener}
	case HookCluster:
		return []Kind{KindCluster}
	case HookEndpoints:
		return []Kind{KindEndpoints}
	case HookTranslation:
		return []Kind{KindCluster, KindListener, KindRouteConfiguration, KindSecret}
	}
	return nil
}

// Receives reports whether Envoy Gateway calls the hook with resources of the kind when it is
// configured for this feature alone, as `egraft config envoy-gateway` prints it. Envoy Gateway also
// drops kinds that the Translation hook does not include from the response.
func (f *Feature) Receives(h Hook, k Kind) bool {
	if !f.Uses(h) || !slices.Contains(h.Kinds(), k) {
		return false
	}
	if h != HookTranslation || f.mutates(k) {
		return true
	}
	switch k {
	case KindCluster:
		return f.Additions != nil || f.PrunesSecrets // most additions are clusters
	case KindRouteConfiguration:
		return f.NeedsRoutes || f.ClusterVariants != nil || f.PrunesSecrets
	default: // secrets, and the listeners that refer to them
		return f.PrunesSecrets
	}
}

// ObjectsIn returns the kinds of custom resources with which Envoy Gateway calls a hook for
// this feature.
func (f *Feature) ObjectsIn(h Hook) []policy.Kind {
	if !f.Uses(h) {
		return nil
	}
	switch h {
	case HookRoute: // custom backends are among the route's extension references
		return slices.Concat(f.Policies, f.Filters, f.Backends)
	case HookHTTPListener, HookTranslation:
		return f.Policies
	case HookCluster:
		return f.Backends
	default:
		return nil
	}
}

// mutates reports whether the feature has a mutator for a kind of resource.
func (f *Feature) mutates(k Kind) bool {
	return slices.ContainsFunc(f.parts(), func(p part) bool { return p.kind == k && p.set })
}
