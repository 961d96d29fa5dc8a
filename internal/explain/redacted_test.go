package explain

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestNoSecrets: resources in a report contain no secrets, whatever the recording contains.
func TestNoSecrets(t *testing.T) {
	raw, err := proto.Marshal(&tlsv3.Secret{Name: "x", Type: &tlsv3.Secret_GenericSecret{GenericSecret: &tlsv3.GenericSecret{
		Secret: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "SECRET"}},
	}}})
	require.NoError(t, err)
	require.Contains(t, string(raw), "SECRET")
	out, err := redacted(mutator.KindSecret, raw)
	require.NoError(t, err)
	require.Contains(t, string(out), "x")
	require.NotContains(t, string(out), "SECRET")

	for _, e := range []engine.Effect{{Kind: mutator.KindSecret, Before: raw}, {Kind: mutator.KindSecret, After: raw}, {Kind: mutator.KindSecret, Before: []byte{}, After: raw}} {
		c := newChange(mutator.HookTranslation, "", &e)
		require.NoError(t, c.compare(true))
		require.NotEmpty(t, c.result.Changes)
		for _, one := range c.result.Changes {
			require.NotContains(t, string(one.Old)+string(one.New), "SECRET")
		}
	}
}
