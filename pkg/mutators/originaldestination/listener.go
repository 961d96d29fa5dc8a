package originaldestination

import (
	"context"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

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
	configuration := xds.RouteConfigurationOf(hcm)
	if len(marked(in, in.Reach().Configuration(configuration))) == 0 {
		return false, nil
	}
	before := proto.Clone(hcm)
	hcm.HttpFilters = slices.DeleteFunc(hcm.HttpFilters, func(f *hcmv3.HttpFilter) bool { return strings.HasPrefix(f.GetName(), prefix) })
	names, _ := trustedIn(in, configuration)
	if err := trust(hcm, names); err != nil {
		return false, err
	}
	for _, f := range inert() {
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

// named is an HTTP filter.
type named struct {
	name   string
	config proto.Message
}

// inert are the filters in front of the router. They do nothing, except for routes that
// configure them. They are not disabled: whether a disabled filter is in effect is decided once,
// for the route that a request begins with.
func inert() []named {
	return []named{
		{takeFilter, &headermutationv3.HeaderMutation{}},
		{splitFilter, &headertometadatav3.Config{}},
		{pinFilter, &setfilterstatev3.Config{}},
		{allowFilter, &rbacv3.RBAC{RulesStatPrefix: statPrefix}},
	}
}

func httpFilter(name string, config proto.Message) (*hcmv3.HttpFilter, error) {
	a, err := xds.Any(config)
	if err != nil {
		return nil, err
	}
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: a}}, nil
}
