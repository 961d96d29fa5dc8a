package xds_test

import (
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/xds"
)

const ours = "ours"

// manager has filters of these names, and the same ones for an upgrade.
func manager(names string) *hcmv3.HttpConnectionManager {
	filters := func() (out []*hcmv3.HttpFilter) {
		for name := range strings.FieldsSeq(names) {
			out = append(out, &hcmv3.HttpFilter{Name: strings.ReplaceAll(name, "router", xds.RouterName)})
		}
		return out
	}
	return &hcmv3.HttpConnectionManager{HttpFilters: filters(), UpgradeConfigs: []*hcmv3.HttpConnectionManager_UpgradeConfig{
		{UpgradeType: "websocket"}, {UpgradeType: "CONNECT", Filters: filters()},
	}}
}

// names are those of the filters, which have to be the same for the upgrade.
func names(t *testing.T, hcm *hcmv3.HttpConnectionManager) string {
	t.Helper()
	of := func(filters []*hcmv3.HttpFilter) string {
		var out []string
		for _, f := range filters {
			out = append(out, strings.ReplaceAll(f.GetName(), xds.RouterName, "router"))
		}
		return strings.Join(out, " ")
	}
	require.Empty(t, hcm.GetUpgradeConfigs()[0].GetFilters(), "an upgrade without filters of its own has those of other requests")
	require.Equal(t, of(hcm.GetHttpFilters()), of(hcm.GetUpgradeConfigs()[1].GetFilters()), "filters of the upgrade")
	return of(hcm.GetHttpFilters())
}

func one(of ...string) func(string) bool {
	return func(name string) bool {
		for _, prefix := range of {
			if strings.HasPrefix(name, prefix) {
				return true
			}
		}
		return false
	}
}

func TestInsertFilter(t *testing.T) {
	for _, c := range []struct{ before, want string }{
		{"lua router", "lua ours router"},
		{"lua egraft.io/last/gate router", "lua ours egraft.io/last/gate router"},
		{"ours lua router", "ours lua router"}, // left alone
	} {
		hcm := manager(c.before)
		inserted, err := xds.InsertFilter(hcm, &hcmv3.HttpFilter{Name: ours}, xds.IsRouter)
		require.NoError(t, err)
		require.Equal(t, c.before != c.want, inserted)
		require.Equal(t, c.want, names(t, hcm))
	}
	_, err := xds.InsertFilter(&hcmv3.HttpConnectionManager{}, &hcmv3.HttpFilter{Name: ours}, xds.IsRouter)
	require.EqualError(t, err, `no HTTP filter that "ours" could be put in front of`)
}

// TestInsertBetween: wherever filters were moved to, none that has to come first comes later.
func TestInsertBetween(t *testing.T) {
	for _, c := range []struct{ before, want string }{
		{"auth lua rbac router", "auth ours lua rbac router"},
		{"auth other lua router", "auth other ours lua router"},
		{"lua auth router", "lua auth ours router"},
		{"lua auth rbac router", "lua auth ours rbac router"},
		{"auth lua auth2 other rbac router", "auth lua auth2 ours other rbac router"},
		{"lua router", "ours lua router"},
		{"auth router", "auth ours router"},
		{"lua auth egraft.io/last/gate router", "lua auth ours egraft.io/last/gate router"},
		{"lua router auth", "ours lua router auth"}, // Envoy refuses it as it came
		{"ours lua auth router", "ours lua auth router"},
	} {
		t.Run(c.before, func(t *testing.T) {
			hcm := manager(c.before)
			inserted, err := xds.InsertBetween(hcm, &hcmv3.HttpFilter{Name: ours}, one("auth"), func(name string) bool {
				return one("lua", "rbac")(name) || xds.IsRouter(name)
			})
			require.NoError(t, err)
			require.Equal(t, c.before != c.want, inserted)
			require.Equal(t, c.want, names(t, hcm))
		})
	}
}

func TestInsertFirst(t *testing.T) {
	for _, c := range []struct{ before, want string }{
		{"lua router", "ours lua router"},
		{"lua ours router", "ours lua router"},
		{"ours lua router", "ours lua router"},
	} {
		hcm := manager(c.before)
		changed, err := xds.InsertFirst(hcm, &hcmv3.HttpFilter{Name: ours})
		require.NoError(t, err)
		require.Equal(t, c.before != c.want, changed)
		require.Equal(t, c.want, names(t, hcm))
	}
}

// TestInsertLast: nothing stays between the filter and the router, and nothing gets there.
func TestInsertLast(t *testing.T) {
	const last = xds.LastPrefix + "gate"
	for _, c := range []struct{ before, want string }{
		{"lua router", "lua " + last + " router"},
		{last + " lua router", "lua " + last + " router"},
		{"lua " + last + " router", "lua " + last + " router"},
	} {
		hcm := manager(c.before)
		changed, err := xds.InsertLast(hcm, &hcmv3.HttpFilter{Name: last})
		require.NoError(t, err)
		require.Equal(t, c.before != c.want, changed)
		require.Equal(t, c.want, names(t, hcm))
		_, err = xds.InsertFilter(hcm, &hcmv3.HttpFilter{Name: ours}, xds.IsRouter)
		require.NoError(t, err)
		require.Equal(t, "lua ours "+last+" router", names(t, hcm))
	}
	_, err := xds.InsertLast(manager("lua"), &hcmv3.HttpFilter{Name: last})
	require.EqualError(t, err, "no HTTP filter envoy.filters.http.router")
	_, err = xds.InsertLast(manager("router"), &hcmv3.HttpFilter{Name: ours})
	require.EqualError(t, err, `HTTP filter "ours": the name of a filter that has to stay last begins with "egraft.io/last/"`)
	disabled := manager(last + " router")
	disabled.HttpFilters[0].Disabled, disabled.UpgradeConfigs[1].Filters[0].Disabled = true, true
	changed, err := xds.InsertLast(disabled, &hcmv3.HttpFilter{Name: last})
	require.NoError(t, err)
	require.True(t, changed, "a filter of that name that is somebody else's")
	require.False(t, disabled.GetHttpFilters()[0].GetDisabled())
}
