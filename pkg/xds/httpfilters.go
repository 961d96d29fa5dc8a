package xds

import (
	"fmt"
	"slices"
	"strings"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
)

// RouterName is the name of the filter that ends every chain of HTTP filters.
const RouterName = "envoy.filters.http.router"

// LastPrefix begins the names of filters for [InsertLast]. No other filter may come between
// them and the router, whoever is inserted first: [IsRouter] is true for them too.
const LastPrefix = "egraft.io/last/"

// IsRouter is for [InsertFilter]: the router, and the filters that stay right in front of it.
func IsRouter(name string) bool { return name == RouterName || strings.HasPrefix(name, LastPrefix) }

// filterChains are the lists of HTTP filters that requests can take through an HTTP
// connection manager: its own, and those of upgrades, which are used in its place.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto#extensions-filters-network-http-connection-manager-v3-httpconnectionmanager-upgradeconfig
func filterChains(hcm *hcmv3.HttpConnectionManager) []*[]*hcmv3.HttpFilter {
	chains := []*[]*hcmv3.HttpFilter{&hcm.HttpFilters}
	for _, u := range hcm.GetUpgradeConfigs() {
		if len(u.GetFilters()) > 0 {
			chains = append(chains, &u.Filters)
		}
	}
	return chains
}

// InsertFilter puts a filter in front of the first one for which before is true, in each
// chain, and reports whether it did: a filter of the same name that is there already is left
// alone. With [IsRouter] for before no filter of Envoy Gateway sees a request after it.
func InsertFilter(hcm *hcmv3.HttpConnectionManager, filter *hcmv3.HttpFilter, before func(name string) bool) (inserted bool, err error) {
	return InsertBetween(hcm, filter, func(string) bool { return false }, before)
}

// InsertBetween is [InsertFilter] with filters that have to come first: the filter comes after
// the last of those, and in front of the first for which before is true only if it can. The
// order of filters is not always Envoy Gateway's own: EnvoyProxy.filterOrder and patches
// change it. The router is last in any case.
func InsertBetween(hcm *hcmv3.HttpConnectionManager, filter *hcmv3.HttpFilter, after, before func(name string) bool) (inserted bool, err error) {
	for _, chain := range filterChains(hcm) {
		if slices.ContainsFunc(*chain, named(filter)) {
			continue
		}
		at := slices.IndexFunc(*chain, func(f *hcmv3.HttpFilter) bool { return before(f.GetName()) })
		if at < 0 {
			return false, fmt.Errorf("no HTTP filter that %q could be put in front of", filter.GetName())
		}
		for i := at; i < len(*chain) && !IsRouter((*chain)[i].GetName()); i++ {
			if after((*chain)[i].GetName()) {
				at = i + 1
			}
		}
		*chain = slices.Insert(*chain, at, proto.CloneOf(filter))
		inserted = true
	}
	return inserted, nil
}

// InsertFirst puts a filter in front of all others, in each chain, in the place of one of its
// name, and reports whether that changed anything.
func InsertFirst(hcm *hcmv3.HttpConnectionManager, filter *hcmv3.HttpFilter) (changed bool, err error) {
	return place(hcm, filter, func([]*hcmv3.HttpFilter) int { return 0 })
}

// InsertLast puts a filter right in front of the router, in each chain, in the place of one of
// its name, and reports whether that changed anything. Its name has to begin with [LastPrefix].
func InsertLast(hcm *hcmv3.HttpConnectionManager, filter *hcmv3.HttpFilter) (changed bool, err error) {
	if !strings.HasPrefix(filter.GetName(), LastPrefix) {
		return false, fmt.Errorf("HTTP filter %q: the name of a filter that has to stay last begins with %q", filter.GetName(), LastPrefix)
	}
	return place(hcm, filter, func(rest []*hcmv3.HttpFilter) int {
		return slices.IndexFunc(rest, func(f *hcmv3.HttpFilter) bool { return f.GetName() == RouterName })
	})
}

// place puts a filter where it belongs among the others.
func place(hcm *hcmv3.HttpConnectionManager, filter *hcmv3.HttpFilter, where func(others []*hcmv3.HttpFilter) int) (changed bool, err error) {
	for _, chain := range filterChains(hcm) {
		others := slices.DeleteFunc(slices.Clone(*chain), named(filter))
		at := where(others)
		if at < 0 {
			return false, fmt.Errorf("no HTTP filter %s", RouterName)
		}
		placed := slices.Insert(others, at, proto.CloneOf(filter))
		same := slices.EqualFunc(placed, *chain, func(a, b *hcmv3.HttpFilter) bool { return proto.Equal(a, b) })
		*chain, changed = placed, changed || !same
	}
	return changed, nil
}

func named(filter *hcmv3.HttpFilter) func(*hcmv3.HttpFilter) bool {
	return func(f *hcmv3.HttpFilter) bool { return f.GetName() == filter.GetName() }
}
