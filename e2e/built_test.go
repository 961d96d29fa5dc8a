//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

// TestEnvoyTakesWhatIsBuilt: the real Envoy accepts the output of the builders of pkg/xds and
// pkg/httpfilter.
func TestEnvoyTakesWhatIsBuilt(t *testing.T) {
	needs(t, here)
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	built := resources{"Listener": {{"name": "tunnel", "internalListener": object{}, "filterChains": []object{{"filters": []object{{
		"name": "tcp", "typedConfig": object{"@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "statPrefix": "tcp", "cluster": "static"},
	}}}}}}}
	for name, options := range map[string]xds.ClusterOptions{
		"static":   {Hosts: []string{"127.0.0.1:80", "[::1]:80"}},
		"dns":      {Hosts: []string{"a.example.com:443"}, HTTP2: true, TLS: &tlsv3.UpstreamTlsContext{Sni: "a.example.com"}},
		"socket":   {Socket: "/run/a.sock", HTTP2: true},
		"internal": {InternalListener: "tunnel", PassMetadata: []string{"example.com"}},
	} {
		options.Name = name
		c, err := xds.NewCluster(options)
		require.NoError(t, err)
		require.NoError(t, xds.StampEndpoints(c.GetLoadAssignment(), "example.com", map[string]any{"tunnel": "a"}))
		c.Metadata, err = xds.StampMetadata(c.GetMetadata(), "example.com", map[string]any{"made-by": "test"})
		require.NoError(t, err)
		filter, err := httpfilter.New("example.com/header", &headermutationv3.HeaderMutation{})
		require.NoError(t, err)
		_, err = httpfilter.InsertUpstream(c, filter)
		require.NoError(t, err)
		built["Cluster"] = append(built["Cluster"], asObject(t, c))
	}
	match := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
	respond, err := xds.DirectResponse("respond", match, 503, "offline\n")
	require.NoError(t, err)
	redirect, err := xds.Redirect("redirect", match, "https://example.com:8443/a?b=c", 308)
	require.NoError(t, err)
	built["Route"] = []object{asObject(t, respond), asObject(t, redirect)}
	require.NoError(t, validated(t, programs[parts.Envoy], built))

	built["Cluster"][0]["loadAssignment"].(object)["clusterName"] = ""
	require.Error(t, validated(t, programs[parts.Envoy], built), "the test can fail")
}

func asObject(t *testing.T, m proto.Message) (o object) {
	t.Helper()
	content, err := protojson.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &o))
	return o
}
