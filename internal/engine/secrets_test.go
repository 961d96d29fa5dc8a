package engine_test

import (
	"context"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// tlsListener returns a listener whose certificates are the Secrets.
func tlsListener(t *testing.T, name string, secrets ...string) []byte {
	t.Helper()
	ctx := &tlsv3.DownstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{}}
	for _, s := range secrets {
		ctx.CommonTlsContext.TlsCertificateSdsSecretConfigs = append(ctx.CommonTlsContext.TlsCertificateSdsSecretConfigs, &tlsv3.SdsSecretConfig{Name: s})
	}
	packed, err := anypb.New(ctx)
	require.NoError(t, err)
	return encode(t, &listenerv3.Listener{Name: name, FilterChains: []*listenerv3.FilterChain{{TransportSocket: &corev3.TransportSocket{
		Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: packed},
	}}}})
}

// TestDroppedSecrets has a mutator that removes the certificates of the listeners named "mine".
func TestDroppedSecrets(t *testing.T) {
	secrets := func(names ...string) (out [][]byte) {
		for _, name := range names {
			out = append(out, encode(t, &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
				PrivateKey: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "a key"}},
			}}}))
		}
		return out
	}
	cluster := [][]byte{encode(t, &clusterv3.Cluster{Name: "c"})}
	config := [][]byte{encode(t, &routev3.RouteConfiguration{Name: "rc"})}
	mine := tlsListener(t, "mine", "default/mine")
	for name, c := range map[string]struct {
		wanted              bool
		listeners, clusters [][]byte
		routes              [][]byte
		there, left         []string
	}{
		"of nobody any more":           {true, [][]byte{mine}, cluster, config, []string{"default/mine", "default/theirs"}, []string{"default/theirs"}},
		"no feature wants it":          {false, [][]byte{mine}, cluster, config, []string{"default/mine"}, []string{"default/mine"}},
		"another listener's, too":      {true, [][]byte{mine, tlsListener(t, "other", "default/mine")}, cluster, config, []string{"default/mine"}, []string{"default/mine"}},
		"a cluster's, too":             {true, [][]byte{mine}, [][]byte{encode(t, &clusterv3.Cluster{Name: "c", AltStatName: "default/mine"})}, config, []string{"default/mine"}, []string{"default/mine"}},
		"a route's, too":               {true, [][]byte{mine}, cluster, [][]byte{encode(t, &routev3.RouteConfiguration{Name: "default/mine"})}, []string{"default/mine"}, []string{"default/mine"}},
		"part of another name":         {true, [][]byte{mine, tlsListener(t, "other", "default/mine-too")}, cluster, config, []string{"default/mine"}, []string{"default/mine"}},
		"never referred to":            {true, [][]byte{tlsListener(t, "mine")}, cluster, config, []string{"default/mine"}, []string{"default/mine"}},
		"the system's":                 {true, [][]byte{tlsListener(t, "mine", "system_ca_certificates")}, cluster, config, []string{"system_ca_certificates"}, []string{"system_ca_certificates"}},
		"clusters not included":        {true, [][]byte{mine}, nil, config, []string{"default/mine"}, []string{"default/mine"}},
		"routes not included":          {true, [][]byte{mine}, cluster, nil, []string{"default/mine"}, []string{"default/mine"}},
		"listener that was not edited": {true, [][]byte{tlsListener(t, "other", "default/x")}, cluster, config, []string{"default/mine"}, []string{"default/mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{{
				Name: "certificates", Hooks: []mutator.Hook{mutator.HookTranslation}, PrunesSecrets: c.wanted,
				Listeners: mutator.Func[*listenerv3.Listener]{
					When: func(_ *mutator.Input, l mutator.View) bool { return l.Name() == "mine" },
					Do: func(_ context.Context, _ *mutator.Input, l *listenerv3.Listener) error {
						l.FilterChains = nil
						return nil
					},
				},
			}})
			require.NoError(t, err)
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
				{Kind: mutator.KindCluster, Encoded: c.clusters},
				{Kind: mutator.KindSecret, Encoded: secrets(c.there...)},
				{Kind: mutator.KindListener, Encoded: c.listeners},
				{Kind: mutator.KindRouteConfiguration, Encoded: c.routes},
			}})
			require.NoError(t, err)
			require.ElementsMatch(t, secrets(c.left...), res.Resources[1].Encoded)
			var dropped []string
			for _, o := range res.Outcomes {
				if o.Result == engine.Pruned {
					require.Equal(t, "certificates", o.Feature)
					dropped = append(dropped, o.Name)
				}
			}
			require.Len(t, dropped, len(c.there)-len(c.left), strings.Join(dropped, " "))
		})
	}
}
