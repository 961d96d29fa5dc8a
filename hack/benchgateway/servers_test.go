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
