package httpfilter_test

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	upstreamsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

func optionsOf(t *testing.T, c *clusterv3.Cluster) *upstreamsv3.HttpProtocolOptions {
	t.Helper()
	m := &upstreamsv3.HttpProtocolOptions{}
	require.NoError(t, c.GetTypedExtensionProtocolOptions()[xds.HTTPProtocolOptions].UnmarshalTo(m))
	return m
}

func upstreamNames(t *testing.T, c *clusterv3.Cluster) string {
	t.Helper()
	var out []string
	for _, f := range optionsOf(t, c).GetHttpFilters() {
		out = append(out, strings.TrimPrefix(f.GetName(), "envoy.filters.http."))
	}
	return strings.Join(out, " ")
}

func TestInsertUpstream(t *testing.T) {
	c, err := xds.NewCluster(xds.ClusterOptions{Name: "c", Hosts: []string{"a:1"}, HTTP2: true})
	require.NoError(t, err)
	first, second := &hcmv3.HttpFilter{Name: "first"}, &hcmv3.HttpFilter{Name: "second"}
	for i, step := range []struct {
		filters []*hcmv3.HttpFilter
		want    string
		changed bool
	}{
		{[]*hcmv3.HttpFilter{first, second}, "first second upstream_codec", true},
		{[]*hcmv3.HttpFilter{first, second}, "first second upstream_codec", false},
		{[]*hcmv3.HttpFilter{first}, "second first upstream_codec", true},
		{[]*hcmv3.HttpFilter{{Name: "first", Disabled: true}}, "second first upstream_codec", true},
	} {
		changed, err := httpfilter.InsertUpstream(c, step.filters...)
		require.NoError(t, err)
		require.Equal(t, step.changed, changed, i)
		require.Equal(t, step.want, upstreamNames(t, c), i)
	}
	require.NotNil(t, optionsOf(t, c).GetExplicitHttpConfig().GetHttp2ProtocolOptions().GetConnectionKeepalive(), "other options")
	require.True(t, optionsOf(t, c).GetHttpFilters()[1].GetDisabled())
	require.False(t, first.GetDisabled(), "filters are copied")
}

func TestInsertUpstreamWithoutOptions(t *testing.T) {
	c := &clusterv3.Cluster{Name: "c"}
	changed, err := httpfilter.InsertUpstream(c, &hcmv3.HttpFilter{Name: "f"})
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, "f upstream_codec", upstreamNames(t, c))
	require.NoError(t, optionsOf(t, c).ValidateAll())
}

func TestInsertUpstreamErrors(t *testing.T) {
	_, err := httpfilter.InsertUpstream(&clusterv3.Cluster{Name: "c", Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}}, &hcmv3.HttpFilter{Name: "f"})
	require.EqualError(t, err, `upstream HTTP filters of cluster "c": has HTTP options in deprecated fields, which cannot be combined with upstream filters`)
	broken := &clusterv3.Cluster{Name: "c", TypedExtensionProtocolOptions: map[string]*anypb.Any{xds.HTTPProtocolOptions: {TypeUrl: "type.googleapis.com/other.Type"}}}
	_, err = httpfilter.InsertUpstream(broken, &hcmv3.HttpFilter{Name: "f"})
	require.ErrorContains(t, err, `upstream HTTP filters of cluster "c": `)
}
