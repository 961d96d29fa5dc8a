package mutator

import (
	"fmt"
	"slices"
	"strings"
)

// part is a field of [Feature] that only has an effect in some hooks.
type part struct {
	field string
	set   bool
	hooks []Hook
	kind  Kind // of the resources that it mutates
	runs  bool // whether it is code of the feature: a reason for Envoy Gateway to call the hooks
}

func (f *Feature) parts() []part {
	mutates := func(field string, set bool, k Kind) part {
		hooks := slices.DeleteFunc(Hooks(), func(h Hook) bool { return !slices.Contains(h.Kinds(), k) })
		return part{field, set, hooks, k, true}
	}
	translation := []Hook{HookTranslation}
	return []part{
		mutates("Routes", f.Routes != nil, KindRoute),
		mutates("VirtualHosts", f.VirtualHosts != nil, KindVirtualHost),
		mutates("Listeners", f.Listeners != nil, KindListener),
		mutates("Clusters", f.Clusters != nil, KindCluster),
		mutates("Endpoints", f.Endpoints != nil, KindEndpoints),
		mutates("Secrets", f.Secrets != nil, KindSecret),
		mutates("RouteConfigurations", f.RouteConfigurations != nil, KindRouteConfiguration),
		{"ClusterVariants", f.ClusterVariants != nil, translation, KindCluster, true},
		{"Additions", f.Additions != nil, translation, "", true},
		{"NeedsRoutes", f.NeedsRoutes, translation, "", false},
		{"PrunesSecrets", f.PrunesSecrets, translation, "", false},
		{"RenamesClusters", f.RenamesClusters, translation, "", false},
	}
}

// validateHooks reports fields without effect in any of the hooks, and hooks in which nothing runs.
func (f *Feature) validateHooks() (errs []error) {
	parts := f.parts()
	for _, p := range parts {
		if p.set && !slices.ContainsFunc(p.hooks, f.Uses) {
			errs = append(errs, fmt.Errorf("feature %q: %s has no effect: add %s to Hooks", f.Name, p.field, oneOf(p.hooks)))
		}
	}
	for _, h := range f.Hooks {
		var fields []string                                                // could run in the hook
		runs := h == HookTranslation && f.Reporter != nil && f.NeedsRoutes // reports outcomes of the routes' policies
		for _, p := range parts {
			if p.runs && slices.Contains(p.hooks, h) {
				fields, runs = append(fields, p.field), runs || p.set
			}
		}
		if len(fields) > 0 && !runs {
			errs = append(errs, fmt.Errorf("feature %q: hook %s has nothing to run: set %s, or remove it from Hooks", f.Name, h, oneOf(fields)))
		}
	}
	return errs
}

// oneOf lists alternatives.
func oneOf[S ~string](all []S) string {
	var b strings.Builder
	for i, s := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}
