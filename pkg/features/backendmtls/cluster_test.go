package backendmtls

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestChange: a cleartext cluster is replaced, unless the policy leaves it unmodified or denies it.
func TestChange(t *testing.T) {
	tls, err := xds.Any(&tlsv3.UpstreamTlsContext{Sni: "x"})
	require.NoError(t, err)
	encrypted := &clusterv3.Cluster{TransportSocket: &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}}
	for mode, want := range map[string][]attach.Change{
		"Upgrade": {attach.Replaced, attach.Modified},
		"Leave":   {attach.Unmodified, attach.Modified},
		"Deny":    {attach.Modified, attach.Modified},
	} {
		p := policy.As[v1alpha1.BackendMTLSPolicy](read(t, valid+"  plaintextBackends: "+mode+"\n"))
		for i, c := range []*clusterv3.Cluster{{Name: "c"}, encrypted} {
			change, err := edit(p, c)
			require.NoError(t, err)
			require.Equal(t, want[i], change, mode)
			require.Equal(t, mode == "Deny" && i == 0, xds.IsDenied(c))
		}
	}
}

// TestRequiresURI: metadata from an earlier pass counts only for a cluster that accepts peers by
// URI alone.
func TestRequiresURI(t *testing.T) {
	tls, err := xds.Any(&tlsv3.UpstreamTlsContext{Sni: "x"})
	require.NoError(t, err)
	anybody := &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}
	p := policy.As[v1alpha1.BackendMTLSPolicy](read(t, valid))
	secure := func(c *clusterv3.Cluster) {
		_, err := edit(p, c)
		require.NoError(t, err)
	}
	for name, c := range map[string]struct {
		make func(*clusterv3.Cluster)
		want bool
	}{
		"cleartext":       {func(*clusterv3.Cluster) {}, false},
		"TLS for anybody": {func(c *clusterv3.Cluster) { c.TransportSocket = anybody }, false},
		"TLS for anybody, of some": {func(c *clusterv3.Cluster) {
			secure(c)
			c.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{Name: "m", TransportSocket: anybody}}
		}, false},
		"secured": {secure, true},
	} {
		t.Run(name, func(t *testing.T) {
			x := &clusterv3.Cluster{Name: "c"}
			c.make(x)
			got, err := requiresURI(x)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
