package xds

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	directresponsev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/direct_response/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// DenyListener makes every filter chain reject traffic: Envoy responds to HTTP requests with 500,
// and closes other connections, including connections of an unreadable connection manager. TLS
// settings stay, so that clients see the same server.
func DenyListener(l *listenerv3.Listener) error {
	for _, fc := range FilterChains(l) {
		if err := DenyFilterChain(fc); err != nil {
			return err
		}
	}
	return nil
}

// DenyFilterChain is [DenyListener] for one filter chain.
func DenyFilterChain(fc *listenerv3.FilterChain) error {
	for _, f := range fc.GetFilters() {
		var hcm hcmv3.HttpConnectionManager
		if f.GetName() == HCMName && f.GetTypedConfig().UnmarshalTo(&hcm) == nil {
			return denyHTTP(fc, f, &hcm)
		}
	}
	cfg, err := Any(&directresponsev3.Config{})
	if err != nil {
		return err
	}
	fc.Filters = []*listenerv3.Filter{{
		Name:       "envoy.filters.network.direct_response",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: cfg},
	}}
	return nil
}

func denyHTTP(fc *listenerv3.FilterChain, f *listenerv3.Filter, hcm *hcmv3.HttpConnectionManager) error {
	all := &routev3.Route{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}}
	if err := DenyRoute(all); err != nil {
		return err
	}
	hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
		Name:         "egraft/deny",
		VirtualHosts: []*routev3.VirtualHost{{Name: "deny", Domains: []string{"*"}, Routes: []*routev3.Route{all}}},
	}}
	cfg, err := Any(hcm)
	if err != nil {
		return err
	}
	f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: cfg}
	fc.Filters = []*listenerv3.Filter{f}
	return nil
}
