package httpfilter

import (
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

// New returns an HTTP filter with a configuration.
func New(name string, config proto.Message) (*hcmv3.HttpFilter, error) {
	a, err := xds.Any(config)
	if err != nil {
		return nil, err
	}
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: a}}, nil
}

// Insert inserts filters into the chains of an HTTP connection manager, next to each other, and
// reports whether this changed anything. It first removes filters with the same names, wherever they
// are, so that there is one of each, at the position. All other filters keep their order.
//
// The chains are the chain of the connection manager, and the chains of upgrades with their own
// filters, which replace it for their requests.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto#extensions-filters-network-http-connection-manager-v3-httpconnectionmanager-upgradeconfig
func Insert(hcm *hcmv3.HttpConnectionManager, p Position, filters ...*hcmv3.HttpFilter) (changed bool, err error) {
	return edit(hcm, func(chain []*hcmv3.HttpFilter) ([]*hcmv3.HttpFilter, error) { return insert(chain, p, filters) })
}

// Ensure is [Insert] for a filter that a chain needs only once, and that Envoy Gateway or another
// feature may have inserted: it leaves a filter with the same name unmodified and in place.
func Ensure(hcm *hcmv3.HttpConnectionManager, p Position, filter *hcmv3.HttpFilter) (changed bool, err error) {
	return edit(hcm, func(chain []*hcmv3.HttpFilter) ([]*hcmv3.HttpFilter, error) {
		if slices.ContainsFunc(chain, named(filter)) {
			return chain, nil
		}
		return insert(chain, p, []*hcmv3.HttpFilter{filter})
	})
}

// EachHCM calls edit for the HTTP connection managers of a listener for whose route configuration want
// returns true, in all filter chains, including the default one. The HTTP/3 listener of a port is a
// separate listener.
//
// It skips connection managers with inline routes: in Envoy Gateway, they do not belong to a Gateway,
// but respond to probes of Envoy. A connection manager that cannot be decoded is an error.
func EachHCM(l *listenerv3.Listener, want func(routeConfiguration string) bool, edit func(*hcmv3.HttpConnectionManager) (changed bool, err error)) error {
	for _, fc := range xds.FilterChains(l) {
		_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
			name := xds.RouteConfigurationOf(hcm)
			if name == "" || !want(name) {
				return false, nil
			}
			return edit(hcm)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// edit replaces each chain of a connection manager.
func edit(hcm *hcmv3.HttpConnectionManager, with func([]*hcmv3.HttpFilter) ([]*hcmv3.HttpFilter, error)) (changed bool, err error) {
	chains := []*[]*hcmv3.HttpFilter{&hcm.HttpFilters}
	for _, u := range hcm.GetUpgradeConfigs() {
		if len(u.GetFilters()) > 0 {
			chains = append(chains, &u.Filters)
		}
	}
	for _, chain := range chains {
		edited, err := with(*chain)
		if err != nil {
			return false, err
		}
		same := slices.EqualFunc(edited, *chain, func(a, b *hcmv3.HttpFilter) bool { return proto.Equal(a, b) })
		*chain, changed = edited, changed || !same
	}
	return changed, nil
}

func insert(chain []*hcmv3.HttpFilter, p Position, filters []*hcmv3.HttpFilter) ([]*hcmv3.HttpFilter, error) {
	others := slices.DeleteFunc(slices.Clone(chain), func(f *hcmv3.HttpFilter) bool { return slices.ContainsFunc(filters, named(f)) })
	place := 0
	for i, f := range filters {
		index, err := p.index(others, f.GetName())
		if err != nil {
			return nil, err
		}
		if i == 0 {
			place = index
		}
	}
	copies := make([]*hcmv3.HttpFilter, len(filters))
	for i, f := range filters {
		copies[i] = proto.CloneOf(f)
	}
	return slices.Insert(others, place, copies...), nil
}

func named(as *hcmv3.HttpFilter) func(*hcmv3.HttpFilter) bool {
	return func(f *hcmv3.HttpFilter) bool { return f.GetName() == as.GetName() }
}
