package main

import (
	"testing"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// TestResources: the echo server responds as the plain server does.
func TestResources(t *testing.T) {
	translation := &extensionv1.PostTranslateModifyRequest{
		PostTranslateContext: &extensionv1.PostTranslateExtensionContext{ExtensionResources: []*extensionv1.ExtensionResource{{UnstructuredBytes: []byte("{}")}}},
		Clusters:             []*clusterv3.Cluster{{Name: "a"}, {Name: "b"}},
		Secrets:              []*tlsv3.Secret{{Name: "s"}},
		Listeners:            []*listenerv3.Listener{{Name: "l"}},
		Routes:               []*routev3.RouteConfiguration{{Name: "r"}},
	}
	want, err := plain{}.PostTranslateModify(t.Context(), translation)
	require.NoError(t, err)
	echoed(t, translation, true, want)

	route := &extensionv1.PostRouteModifyRequest{
		Route: &routev3.Route{Name: "r"}, PostRouteContext: &extensionv1.PostRouteExtensionContext{Hostnames: []string{"h"}},
	}
	of, err := plain{}.PostRouteModify(t.Context(), route)
	require.NoError(t, err)
	echoed(t, route, false, of)
	_, err = resources([]byte{0xff}, false)
	require.Error(t, err)
}

// TestCopies: the copies differ from the clusters only in their names and in TLS, and everything else
// is returned unmodified.
func TestCopies(t *testing.T) {
	response := &extensionv1.PostTranslateModifyResponse{
		Clusters: []*clusterv3.Cluster{{Name: "a", AltStatName: "x"}, {Name: "b", AltStatName: "y"}},
		Routes:   []*routev3.RouteConfiguration{{Name: "r"}},
	}
	var got extensionv1.PostTranslateModifyResponse
	require.NoError(t, proto.Unmarshal(withCopies(upstreamTLS())(encoded(response)), &got))
	require.Len(t, got.GetClusters(), 4)
	for i, c := range got.GetClusters()[2:] {
		require.NotEqual(t, response.Clusters[i].GetName(), c.GetName())
		require.Equal(t, "envoy.transport_sockets.tls", c.GetTransportSocket().GetName())
		c.Name, c.TransportSocket = response.Clusters[i].GetName(), nil
	}
	response.Clusters = append(response.Clusters, response.Clusters...)
	require.True(t, proto.Equal(response, &got), "%v", &got)
}

func echoed(t *testing.T, request proto.Message, translation bool, want proto.Message) {
	t.Helper()
	encoded, err := proto.Marshal(request)
	require.NoError(t, err)
	answer, err := resources(encoded, translation)
	require.NoError(t, err)
	got := want.ProtoReflect().New().Interface()
	require.NoError(t, proto.Unmarshal(answer, got))
	require.True(t, proto.Equal(want, got), "%v", got)
	require.Empty(t, got.ProtoReflect().GetUnknown())
}
