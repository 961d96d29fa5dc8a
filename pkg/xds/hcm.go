package xds

import (
	"fmt"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// HCMName is the name of the HTTP connection manager in Envoy Gateway's listeners.
const HCMName = "envoy.filters.network.http_connection_manager"

// FilterChains returns the filter chains of a listener, including the default one.
func FilterChains(l *listenerv3.Listener) []*listenerv3.FilterChain {
	chains := l.GetFilterChains()
	if d := l.GetDefaultFilterChain(); d != nil {
		chains = append(chains[:len(chains):len(chains)], d)
	}
	return chains
}

// EditHCM calls edit for every HTTP connection manager of a filter chain, and stores the result if
// edit reports a change. found is their number: 0 in a chain for TCP.
func EditHCM(fc *listenerv3.FilterChain, edit func(*hcmv3.HttpConnectionManager) (changed bool, err error)) (found int, err error) {
	for _, f := range fc.GetFilters() {
		if !f.GetTypedConfig().MessageIs(&hcmv3.HttpConnectionManager{}) {
			continue
		}
		found++
		hcm := &hcmv3.HttpConnectionManager{}
		if err := f.GetTypedConfig().UnmarshalTo(hcm); err != nil {
			return found, fmt.Errorf("HTTP connection manager of filter chain %q: %w", fc.GetName(), err)
		}
		changed, err := edit(hcm)
		if err != nil {
			return found, fmt.Errorf("HTTP connection manager of filter chain %q: %w", fc.GetName(), err)
		}
		if !changed {
			continue
		}
		cfg, err := Any(hcm)
		if err != nil {
			return found, err
		}
		f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: cfg}
	}
	return found, nil
}

// RouteConfigurationOf returns the name of the route configuration that an HTTP connection manager
// fetches. It is empty if the routes are inline.
func RouteConfigurationOf(hcm *hcmv3.HttpConnectionManager) string {
	return hcm.GetRds().GetRouteConfigName()
}

// RouteConfigurationOfChain returns the name of the route configuration that a filter chain
// fetches. It is empty if there is none.
func RouteConfigurationOfChain(fc *listenerv3.FilterChain) (name string, err error) {
	_, err = EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		name = RouteConfigurationOf(hcm)
		return false, nil
	})
	return name, err
}

// RouteConfigurationsOf returns the names of the route configurations that the HTTP connection
// managers of a listener fetch. Unreadable connection managers have none.
func RouteConfigurationsOf(l *listenerv3.Listener) (names []string) {
	for _, fc := range FilterChains(l) {
		_, _ = EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
			names = append(names, RouteConfigurationOf(hcm))
			return false, nil
		})
	}
	return names
}
