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

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// listeners inserts the filters into each HTTP connection manager that leads to a backend.
type listeners struct{}

type usedKey struct{}

// isUsed reports whether any route of the translation leads to a backend of the kind.
func isUsed(in *mutator.Input) bool {
	return mutator.ComputeOnce(in, usedKey{}, func(in *mutator.Input) bool {
		return slices.ContainsFunc(in.Routes().Clusters(), func(c string) bool {
			return slices.ContainsFunc(in.Routes().ForCluster(c).MetadataEntries(), func(m xds.MetadataEntry) bool { return mutator.IsEntryOf(gvk, m) })
		})
	})
}

// Plan inserts the filters if the translation has a backend of the kind: only a decoded listener
// shows whether it leads to one. Without a router, the edit fails and the listener rejects all
// requests.
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation || !isUsed(in) {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit: func(_ context.Context, l *listenerv3.Listener) error { return insert(in, l) },
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			for _, name := range xds.RouteConfigurationsOf(l) {
				on = append(on, backendsOf(in, in.Routes().Configuration(name))...)
			}
			return on
		},
	}
}

func insert(in *mutator.Input, l *listenerv3.Listener) error {
	leads := func(configuration string) bool {
		return len(backendsOf(in, in.Routes().Configuration(configuration))) > 0
	}
	return httpfilter.EachHCM(l, leads, func(hcm *hcmv3.HttpConnectionManager) (bool, error) { return edit(in, hcm) })
}

func edit(in *mutator.Input, hcm *hcmv3.HttpConnectionManager) (changed bool, err error) {
	before := proto.Clone(hcm)
	hcm.HttpFilters = slices.DeleteFunc(hcm.HttpFilters, func(f *hcmv3.HttpFilter) bool { return strings.HasPrefix(f.GetName(), prefix) })
	names, _ := trustedIn(in, xds.RouteConfigurationOf(hcm))
	if err := trust(hcm, names); err != nil {
		return false, err
	}
	filters, err := inert()
	if err != nil {
		return false, err
	}
	if _, err := httpfilter.Insert(hcm, httpfilter.BeforeRouter(), filters...); err != nil {
		return false, err
	}
	return !proto.Equal(before, hcm), nil
}

// inert returns the filters before the router. They do nothing except for routes that configure
// them. They are not disabled, because Envoy decides only once whether a disabled filter takes
// part: at the start of a request, by the route at that time.
func inert() (filters []*hcmv3.HttpFilter, err error) {
	for _, f := range []struct {
		name   string
		config proto.Message
	}{
		{takeFilter, &headermutationv3.HeaderMutation{}},
		{splitFilter, &headertometadatav3.Config{}},
		{pinFilter, &setfilterstatev3.Config{}},
		{allowFilter, &rbacv3.RBAC{RulesStatPrefix: statPrefix}},
	} {
		filter, err := httpfilter.New(f.name, f.config)
		if err != nil {
			return nil, err
		}
		filters = append(filters, filter)
	}
	return filters, nil
}
