package originaldestination

import (
	"context"
	"slices"
	"strings"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// listeners get the filters, in each HTTP connection manager that leads to a backend.
type listeners struct{}

type keyKey struct{}

// key stands for all backends of the translation, and is empty if there are none.
func key(in *mutator.Input) string {
	return mutator.Derive(in, keyKey{}, func(in *mutator.Input) string {
		var all []string
		for _, c := range in.Reach().Clusters() {
			for _, m := range in.Reach().Of(c).Marks() {
				if mutator.IsMarkOf(gvk, m) {
					all = append(all, m.Value)
				}
			}
		}
		return strings.Join(all, "\x00")
	})
}

// Applies tells whether the translation has a backend of the kind: which listeners lead to
// it is in the listener.
func (listeners) Applies(in *mutator.Input, _ mutator.View) bool {
	return in.Hook == mutator.HookTranslation && key(in) != ""
}

// Bears are the backends that the listener leads to.
func (listeners) Bears(in *mutator.Input, l *listenerv3.Listener) (on []*policy.Object) {
	for _, name := range xds.RouteConfigurationsOf(l) {
		on = append(on, marked(in, in.Reach().Configuration(name))...)
	}
	return on
}

// Mutate puts the filters in. Without a router it fails, and the listener refuses all.
func (listeners) Mutate(_ context.Context, in *mutator.Input, l *listenerv3.Listener) error {
	for _, fc := range xds.FilterChains(l) {
		if _, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) { return edit(in, hcm) }); err != nil {
			return err
		}
	}
	return nil
}

func edit(in *mutator.Input, hcm *hcmv3.HttpConnectionManager) (changed bool, err error) {
	sources := sourcesOf(in, xds.RouteConfigurationOf(hcm))
	if len(sources) == 0 {
		return false, nil
	}
	before := proto.Clone(hcm)
	if err := stripClients(hcm, sources); err != nil {
		return false, err
	}
	hcm.HttpFilters = slices.DeleteFunc(hcm.HttpFilters, func(f *hcmv3.HttpFilter) bool { return strings.HasPrefix(f.GetName(), prefix) })
	if err := trust(hcm, sources); err != nil {
		return false, err
	}
	for _, f := range []struct {
		name   string
		config proto.Message
	}{
		{takeFilter, &headermutationv3.HeaderMutation{}},
		{splitFilter, &headertometadatav3.Config{}},
		{addressFilter, &headermutationv3.HeaderMutation{}},
		{allowFilter, &rbacv3.RBAC{RulesStatPrefix: statPrefix}},
	} {
		filter, err := httpFilter(f.name, f.config)
		if err != nil {
			return false, err
		}
		if _, err := xds.InsertFilter(hcm, filter, xds.IsRouter); err != nil {
			return false, err
		}
	}
	return !proto.Equal(before, hcm), nil
}

// sourcesOf are those of the backends that a route configuration leads to.
func sourcesOf(in *mutator.Input, configuration string) (out []v1alpha1.DestinationSource) {
	for _, o := range marked(in, in.Reach().Configuration(configuration)) {
		out = append(out, policy.Typed[v1alpha1.OriginalDestinationBackend](o).Spec.Source)
	}
	return out
}

// headersOf are the headers of the sources, each once and in order, by the filter that is
// trusted to set them.
func headersOf(sources []v1alpha1.DestinationSource) map[string][]string {
	out := map[string][]string{}
	for _, s := range sources {
		if h := s.Header; h != nil {
			out[h.Filter] = append(out[h.Filter], h.Name)
		}
	}
	for filter, names := range out {
		slices.Sort(names)
		out[filter] = slices.Compact(names)
	}
	return out
}

// removals take away headers, each once and in order.
func removals(names []string) (out []*mutationrulesv3.HeaderMutation) {
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		out = append(out, remove(n))
	}
	return out
}

// stripClients removes the headers from clients' requests before any filter.
func stripClients(hcm *hcmv3.HttpConnectionManager, sources []v1alpha1.DestinationSource) error {
	names := []string{destinationHeader, addressHeader}
	for _, n := range headersOf(sources) {
		names = append(names, n...)
	}
	config, err := xds.Any(&earlyv3.HeaderMutation{Mutations: removals(names)})
	if err != nil {
		return err
	}
	name := prefix + "strip"
	all := slices.DeleteFunc(hcm.GetEarlyHeaderMutationExtensions(), func(e *corev3.TypedExtensionConfig) bool { return e.GetName() == name })
	hcm.EarlyHeaderMutationExtensions = append(all, &corev3.TypedExtensionConfig{Name: name, TypedConfig: config})
	return nil
}

func httpFilter(name string, config proto.Message) (*hcmv3.HttpFilter, error) {
	a, err := xds.Any(config)
	if err != nil {
		return nil, err
	}
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: a}}, nil
}
