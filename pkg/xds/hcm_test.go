package xds_test

import (
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tcpproxyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/tcp_proxy/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

func networkFilter(t *testing.T, name string, m proto.Message) *listenerv3.Filter {
	t.Helper()
	cfg, err := xds.Any(m)
	require.NoError(t, err)
	return &listenerv3.Filter{Name: name, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: cfg}}
}

func TestFilterChains(t *testing.T) {
	a, d := &listenerv3.FilterChain{Name: "a"}, &listenerv3.FilterChain{Name: "d"}
	require.Equal(t, []*listenerv3.FilterChain{a, d}, xds.FilterChains(&listenerv3.Listener{FilterChains: []*listenerv3.FilterChain{a}, DefaultFilterChain: d}))
	require.Empty(t, xds.FilterChains(&listenerv3.Listener{}))
}

func TestEditHCM(t *testing.T) {
	hcm := &hcmv3.HttpConnectionManager{
		StatPrefix:     "http",
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "routes"}},
	}
	chain := func() *listenerv3.FilterChain {
		return &listenerv3.FilterChain{Name: "fc", Filters: []*listenerv3.Filter{networkFilter(t, "by any name", hcm)}}
	}
	edited := chain()
	found, err := xds.EditHCM(edited, func(m *hcmv3.HttpConnectionManager) (bool, error) {
		require.Equal(t, "routes", xds.RouteConfigurationOf(m))
		m.StatPrefix = "edited"
		return true, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, found)
	_, err = xds.EditHCM(edited, func(m *hcmv3.HttpConnectionManager) (bool, error) {
		require.Equal(t, "edited", m.GetStatPrefix())
		return false, nil
	})
	require.NoError(t, err)

	left := chain()
	_, err = xds.EditHCM(left, func(m *hcmv3.HttpConnectionManager) (bool, error) { m.StatPrefix = "lost"; return false, nil })
	require.NoError(t, err)
	require.True(t, proto.Equal(chain(), left), "not changed, says the edit")

	tcp := &listenerv3.FilterChain{Filters: []*listenerv3.Filter{networkFilter(t, "tcp", &tcpproxyv3.TcpProxy{StatPrefix: "tcp"})}}
	found, err = xds.EditHCM(tcp, func(*hcmv3.HttpConnectionManager) (bool, error) { panic("not HTTP") })
	require.NoError(t, err)
	require.Zero(t, found)
}
