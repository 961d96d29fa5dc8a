package wiring

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Needs are what features need from Envoy Gateway's configuration.
type Needs struct {
	Policies []Kind `json:"policyResources,omitempty"`
	Filters  []Kind `json:"resources,omitempty"`
	Backends []Kind `json:"backendResources,omitempty"`
	// Hooks are in Envoy Gateway's order.
	Hooks []mutator.Hook `json:"hooks,omitempty"`
	// Includes are set if the Translation hook is needed.
	Includes []Include `json:"includes,omitempty"`
	// For are the features that need each hook.
	For map[mutator.Hook][]string `json:"-"`
}

// Kind is a kind of custom resource, as in Envoy Gateway's configuration.
type Kind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// String returns the kind in the form of Kubernetes' messages.
func (k Kind) String() string { return k.Kind + "." + k.Version + "." + k.Group }

// Include is whether Envoy Gateway sends all resources of a kind in the Translation hook.
type Include struct {
	// Kind is the field of Envoy Gateway's configuration: cluster, listener, route or secret.
	Kind string `json:"kind"`
	All  bool   `json:"includeAll"`
	// For are the features that need it.
	For []string `json:"-"`
}

// NeedsOf returns the union of the features' needs.
func NeedsOf(features []mutator.Feature) Needs {
	out := Needs{Hooks: hooksOf(features), For: map[mutator.Hook][]string{}}
	for _, h := range out.Hooks {
		out.For[h] = names(features, func(f *mutator.Feature) bool { return f.Uses(h) })
	}
	for i := range features {
		f := &features[i]
		out.Policies = addKinds(out.Policies, f.Policies)
		out.Filters = addKinds(out.Filters, f.Filters)
		out.Backends = addKinds(out.Backends, f.Backends)
	}
	if slices.Contains(out.Hooks, mutator.HookTranslation) {
		out.Includes = includesOf(features)
	}
	return out
}

// hooksOf returns the union of the features' hooks, in Envoy Gateway's order.
func hooksOf(features []mutator.Feature) []mutator.Hook {
	return slices.DeleteFunc(mutator.Hooks(), func(h mutator.Hook) bool {
		return !slices.ContainsFunc(features, func(f mutator.Feature) bool { return f.Uses(h) })
	})
}

// includesOf returns the kinds that the features need in the Translation hook.
func includesOf(features []mutator.Feature) (out []Include) {
	for _, i := range []struct {
		word string
		kind mutator.Kind
	}{
		{"cluster", mutator.KindCluster},
		{"listener", mutator.KindListener},
		{"route", mutator.KindRouteConfiguration},
		{"secret", mutator.KindSecret},
	} {
		needs := names(features, func(f *mutator.Feature) bool { return f.Receives(mutator.HookTranslation, i.kind) })
		out = append(out, Include{i.word, len(needs) > 0, needs})
	}
	return out
}

// names returns the names of the features that need something.
func names(features []mutator.Feature, needs func(*mutator.Feature) bool) (out []string) {
	for i := range features {
		if needs(&features[i]) {
			out = append(out, features[i].Name)
		}
	}
	return out
}

func addKinds(to []Kind, kinds []policy.Kind) []Kind {
	for _, k := range kinds {
		if kind := (Kind{k.Group, k.Version, k.Kind}); !slices.Contains(to, kind) {
			to = append(to, kind)
		}
	}
	return to
}

// GroupVersionKinds returns all kinds.
func (n *Needs) GroupVersionKinds() (out []schema.GroupVersionKind) {
	for _, k := range slices.Concat(n.Policies, n.Filters, n.Backends) {
		out = append(out, schema.GroupVersionKind(k))
	}
	return out
}
