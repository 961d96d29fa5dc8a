package xdspatchpolicy

import (
	"errors"
	"fmt"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

// Checks for what Envoy rejects and a message's validation does not detect:
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/config_impl.cc
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/listener_manager/filter_chain_manager_impl.cc

// checkHosts rejects duplicate names of virtual hosts and duplicate domains, ignoring case.
func checkHosts(rc *routev3.RouteConfiguration) error {
	names, domains := map[string]bool{}, map[string]bool{}
	for _, vh := range rc.GetVirtualHosts() {
		if names[vh.GetName()] {
			return fmt.Errorf("two virtual hosts have the name %q", vh.GetName())
		}
		names[vh.GetName()] = true
		for _, d := range vh.GetDomains() {
			key := strings.ToLower(d)
			if domains[key] {
				return fmt.Errorf("the domain %q is there twice", d)
			}
			domains[key] = true
		}
	}
	return nil
}

// checkChains rejects duplicate names of filter chains, and overlapping matches unless they
// overlapped before the patches.
func checkChains(l *listenerv3.Listener, overlapped bool) error {
	names := map[string]bool{}
	for _, fc := range xds.FilterChains(l) {
		if fc.GetName() != "" && names[fc.GetName()] {
			return fmt.Errorf("two filter chains have the name %q", fc.GetName())
		}
		names[fc.GetName()] = true
	}
	if one, other := xds.OverlappingFilterChains(l); one != nil && !overlapped {
		return fmt.Errorf("the filter chains %q and %q match the same connections", one.GetName(), other.GetName())
	}
	return nil
}

// checkManager rejects duplicate names of HTTP filters, and a chain that does not end with the
// router.
func checkManager(hcm *hcmv3.HttpConnectionManager) error {
	names := map[string]bool{}
	filters := hcm.GetHttpFilters()
	for i, f := range filters {
		if names[f.GetName()] {
			return fmt.Errorf("two HTTP filters have the name %q", f.GetName())
		}
		names[f.GetName()] = true
		if isRouter := httpfilter.KindOf(f.GetName()) == httpfilter.Router; isRouter && i+1 < len(filters) && httpfilter.KindOf(filters[i+1].GetName()) != httpfilter.Router {
			return fmt.Errorf("the HTTP filter %q comes after the router", filters[i+1].GetName())
		}
	}
	if last := filters[max(len(filters)-1, 0):]; len(last) == 0 || httpfilter.KindOf(last[0].GetName()) != httpfilter.Router || last[0].GetDisabled() {
		return errors.New("the HTTP filters do not end with the router")
	}
	return nil
}
