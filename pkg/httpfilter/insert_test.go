package httpfilter_test

import (
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

const (
	ours = "ours"
	last = httpfilter.LastPrefix + "gate"
)

// longNames maps short names to Envoy's; "router" is short for envoy.filters.http.router.
var longNames = strings.NewReplacer("cors", string(httpfilter.CORS), "jwt", string(httpfilter.JWTAuthn), "buffer", string(httpfilter.Buffer), "lua",
	string(httpfilter.Lua)+"/p", "rbac", string(httpfilter.RBAC), "last", last, "router", string(httpfilter.Router))

// manager returns a connection manager with filters of these names, and the same filters for an
// upgrade.
func manager(names string) *hcmv3.HttpConnectionManager {
	filters := func() (out []*hcmv3.HttpFilter) {
		for name := range strings.FieldsSeq(longNames.Replace(names)) {
			out = append(out, &hcmv3.HttpFilter{Name: name})
		}
		return out
	}
	return &hcmv3.HttpConnectionManager{HttpFilters: filters(), UpgradeConfigs: []*hcmv3.HttpConnectionManager_UpgradeConfig{
		{UpgradeType: "websocket"}, {UpgradeType: "CONNECT", Filters: filters()},
	}}
}

// requireNames compares the names of the filters, which must be the same for the upgrade.
func requireNames(t *testing.T, want string, hcm *hcmv3.HttpConnectionManager) {
	t.Helper()
	of := func(filters []*hcmv3.HttpFilter) string {
		var out []string
		for _, f := range filters {
			out = append(out, f.GetName())
		}
		return strings.Join(out, " ")
	}
	require.Empty(t, hcm.GetUpgradeConfigs()[0].GetFilters(), "an upgrade without filters of its own has those of other requests")
	require.Equal(t, longNames.Replace(want), of(hcm.GetHttpFilters()))
	require.Equal(t, longNames.Replace(want), of(hcm.GetUpgradeConfigs()[1].GetFilters()), "filters of the upgrade")
}

func TestInsert(t *testing.T) {
	for _, c := range []struct {
		position httpfilter.Position
		in, want string
	}{
		{httpfilter.First(), "lua router", "ours lua router"},
		{httpfilter.First(), "lua ours router", "ours lua router"},
		{httpfilter.BeforeRouter(), "lua router", "lua ours router"},
		{httpfilter.BeforeRouter(), "lua last router", "lua ours last router"},
		{httpfilter.BeforeRouter(), "ours lua other router", "lua other ours router"},
		{httpfilter.Position{}, "lua last router", "lua ours last router"},
		{httpfilter.Before(httpfilter.Lua), "jwt lua/0 lua/1 router", "jwt ours lua/0 lua/1 router"},
		{httpfilter.Before(httpfilter.Lua), "jwt rbac router", "jwt ours rbac router"},
		{httpfilter.Before(httpfilter.Router), "lua last router", "lua ours last router"},
		{httpfilter.After(httpfilter.Lua), "lua/0 lua/1 other router", "lua/0 lua/1 ours other router"},
		{httpfilter.After(httpfilter.Lua), "jwt rbac router", "jwt ours rbac router"},
		{httpfilter.After(httpfilter.Lua), "ours lua/0 router", "lua/0 ours router"},
		{httpfilter.After(httpfilter.Router), "lua last router", "lua ours last router"},
		// At the position of the kind, and after all filters that come first, even if they were
		// moved.
		{httpfilter.At(httpfilter.Buffer), "jwt lua rbac router", "jwt ours lua rbac router"},
		{httpfilter.At(httpfilter.Buffer), "jwt other lua router", "jwt other ours lua router"},
		{httpfilter.At(httpfilter.Buffer), "lua jwt router", "lua jwt ours router"},
		{httpfilter.At(httpfilter.Buffer), "lua jwt rbac router", "lua jwt ours rbac router"},
		{httpfilter.At(httpfilter.Buffer), "jwt lua cors other rbac router", "jwt lua cors ours other rbac router"},
		{httpfilter.At(httpfilter.Buffer), "lua router", "ours lua router"},
		{httpfilter.At(httpfilter.Buffer), "jwt router", "jwt ours router"},
		{httpfilter.At(httpfilter.Buffer), "buffer lua router", "buffer ours lua router"},
		{httpfilter.At(httpfilter.Buffer), "lua jwt last router", "lua jwt ours last router"},
		{httpfilter.At(httpfilter.Buffer), "lua router jwt", "ours lua router jwt"}, // Envoy also rejects the input
	} {
		t.Run(c.in+" to "+c.want, func(t *testing.T) {
			hcm := manager(c.in)
			changed, err := httpfilter.Insert(hcm, c.position, &hcmv3.HttpFilter{Name: ours})
			require.NoError(t, err)
			require.True(t, changed)
			requireNames(t, c.want, hcm)
			changed, err = httpfilter.Insert(hcm, c.position, &hcmv3.HttpFilter{Name: ours})
			require.NoError(t, err)
			require.False(t, changed, "a second time")
			requireNames(t, c.want, hcm)
		})
	}
}

// TestInsertLast: no filter stays or is inserted between the filter and the router.
func TestInsertLast(t *testing.T) {
	for _, in := range []string{"lua router", "last lua router", "lua last router"} {
		hcm := manager(in)
		changed, err := httpfilter.Insert(hcm, httpfilter.Last(), &hcmv3.HttpFilter{Name: last})
		require.NoError(t, err)
		require.Equal(t, in != "lua last router", changed)
		requireNames(t, "lua last router", hcm)
	}
}

func TestInsertSeveral(t *testing.T) {
	hcm := manager("second lua first last router")
	filters := []*hcmv3.HttpFilter{{Name: "first"}, {Name: "second"}}
	changed, err := httpfilter.Insert(hcm, httpfilter.BeforeRouter(), filters...)
	require.NoError(t, err)
	require.True(t, changed)
	requireNames(t, "lua first second last router", hcm)
	hcm.HttpFilters[1].Disabled = true
	require.False(t, filters[0].GetDisabled(), "filters are copied")
	changed, err = httpfilter.Insert(hcm, httpfilter.BeforeRouter(), filters...)
	require.NoError(t, err)
	require.True(t, changed, "a filter of the name that is another one")
	require.False(t, hcm.GetHttpFilters()[1].GetDisabled())
}

// TestInsertTwice: of two filters with one position, the later inserted one is closer to what the
// position names, even if both are inserted again.
func TestInsertTwice(t *testing.T) {
	for position, want := range map[httpfilter.Position]string{
		httpfilter.BeforeRouter():              "cors jwt first second router",
		httpfilter.First():                     "second first cors jwt router",
		httpfilter.Before(httpfilter.JWTAuthn): "cors first second jwt router",
		httpfilter.After(httpfilter.CORS):      "cors second first jwt router",
	} {
		hcm := manager("cors jwt router")
		for range 2 {
			for _, name := range []string{"first", "second"} {
				_, err := httpfilter.Insert(hcm, position, &hcmv3.HttpFilter{Name: name})
				require.NoError(t, err)
			}
			requireNames(t, want, hcm)
		}
	}
}

func TestInsertErrors(t *testing.T) {
	for name, c := range map[string]struct {
		chain    string
		position httpfilter.Position
		filter   string
		err      string
	}{
		"no router":             {"lua", httpfilter.BeforeRouter(), ours, `no HTTP filter that "ours" could be put in front of`},
		"first, without router": {"lua", httpfilter.First(), ours, `no HTTP filter that "ours" could be put in front of`},
		"last by another name":  {"router", httpfilter.Last(), ours, `HTTP filter "ours": filters directly in front of the router, and no others, have names that begin with "egraft.io/last/"`},
		"name of a last one":    {"router", httpfilter.First(), last, `HTTP filter "egraft.io/last/gate": filters directly in front of the router, and no others, have names that begin with "egraft.io/last/"`},
		"unknown kind":          {"router", httpfilter.At("tap"), ours, `"tap" is not a kind of HTTP filters that Envoy Gateway knows`},
	} {
		t.Run(name, func(t *testing.T) {
			hcm := manager(c.chain)
			_, err := httpfilter.Insert(hcm, c.position, &hcmv3.HttpFilter{Name: c.filter})
			require.EqualError(t, err, c.err)
			requireNames(t, c.chain, hcm)
		})
	}
}

func TestEnsure(t *testing.T) {
	hcm := manager("lua router buffer")
	hcm.HttpFilters[2].Disabled = true
	filter := &hcmv3.HttpFilter{Name: string(httpfilter.Buffer)}
	changed, err := httpfilter.Ensure(hcm, httpfilter.At(httpfilter.Buffer), filter)
	require.NoError(t, err)
	require.False(t, changed)
	require.True(t, hcm.GetHttpFilters()[2].GetDisabled(), "left as it is")

	hcm = manager("lua router")
	changed, err = httpfilter.Ensure(hcm, httpfilter.At(httpfilter.Buffer), filter)
	require.NoError(t, err)
	require.True(t, changed)
	requireNames(t, "buffer lua router", hcm)
}

// TestEachHCM: a listener with connection managers in every possible place.
func TestEachHCM(t *testing.T) {
	chain := func(name string, m proto.Message) *listenerv3.FilterChain {
		a, err := xds.Any(m)
		require.NoError(t, err)
		return &listenerv3.FilterChain{Name: name, Filters: []*listenerv3.Filter{{Name: "any", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: a}}}}
	}
	rds := func(name string) *hcmv3.HttpConnectionManager {
		return &hcmv3.HttpConnectionManager{StatPrefix: "http", RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: name}}}
	}
	listener := func() *listenerv3.Listener {
		return &listenerv3.Listener{
			FilterChains: []*listenerv3.FilterChain{
				chain("a", rds("routes")), chain("other", rds("others")), chain("tcp", &tcpproxyv3.TcpProxy{}),
				chain("probes", &hcmv3.HttpConnectionManager{RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{}}),
			},
			DefaultFilterChain: chain("default", rds("routes")),
			UdpListenerConfig:  &listenerv3.UdpListenerConfig{QuicOptions: &listenerv3.QuicProtocolOptions{}},
			Address:            &corev3.Address{},
		}
	}
	l := listener()
	var seen []string
	err := httpfilter.EachHCM(l, func(name string) bool { require.NotEmpty(t, name); return name == "routes" }, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		seen = append(seen, xds.RouteConfigurationOf(hcm))
		hcm.StatPrefix = "edited"
		return true, nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"routes", "routes"}, seen)
	require.Contains(t, string(l.GetDefaultFilterChain().GetFilters()[0].GetTypedConfig().GetValue()), "edited")
	require.True(t, proto.Equal(listener().GetFilterChains()[1], l.GetFilterChains()[1]))

	broken := listener()
	broken.FilterChains[0].Filters[0].ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: &anypb.Any{
		TypeUrl: "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", Value: []byte{0xff},
	}}
	err = httpfilter.EachHCM(broken, func(string) bool { return true }, func(*hcmv3.HttpConnectionManager) (bool, error) { return false, nil })
	require.ErrorContains(t, err, `HTTP connection manager of filter chain "a": proto`)
}
