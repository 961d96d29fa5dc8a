package mutatortest

import (
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestDifference: the first field in which resources differ.
func TestDifference(t *testing.T) {
	for name, c := range map[string]struct{ want, got, text string }{
		"value":         {"{name: c}", "{name: d}", "Cluster[0].name differs:"},
		"set":           {"{name: c}", "{name: c, connectTimeout: 1s}", "Cluster[0].connectTimeout differs:"},
		"message":       {"{name: c, connectTimeout: 2s}", "{name: c, connectTimeout: 1s}", "Cluster[0].connectTimeout.seconds differs:"},
		"list":          {"{name: c, lbSubsetConfig: {subsetSelectors: [{keys: [a]}, {keys: [b]}]}}", "{name: c, lbSubsetConfig: {subsetSelectors: [{keys: [a]}, {keys: [c]}]}}", "Cluster[0].lbSubsetConfig.subsetSelectors[1].keys[0] differs:"},
		"longer list":   {"{name: c, lbSubsetConfig: {subsetSelectors: [{keys: [a]}]}}", "{name: c, lbSubsetConfig: {subsetSelectors: [{keys: [a, b]}]}}", "Cluster[0].lbSubsetConfig.subsetSelectors[0].keys differs:"},
		"map":           {"{name: c, metadata: {filterMetadata: {a: {x: 1}, b: {x: 1}}}}", "{name: c, metadata: {filterMetadata: {a: {x: 1}, b: {x: 2}}}}", "Cluster[0].metadata.filterMetadata.b.fields.x.numberValue differs:"},
		"less in a map": {"{name: c, metadata: {filterMetadata: {a: {x: 1}}}}", "{name: c, metadata: {filterMetadata: {b: {x: 1}}}}", "Cluster[0].metadata.filterMetadata.a differs:"},
		"more in a map": {"{name: c, metadata: {filterMetadata: {a: {x: 1}}}}", "{name: c, metadata: {filterMetadata: {a: {x: 1}, b: {x: 1}}}}", "Cluster[0].metadata.filterMetadata differs:"},
		"inside of Any": {
			"{name: c, transportSocket: {name: tls, typedConfig: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: a}}}",
			"{name: c, transportSocket: {name: tls, typedConfig: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: b}}}",
			"Cluster[0].transportSocket.typedConfig.sni differs:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			list := func(content string) []engine.Resources {
				calls, err := ReadCalls(write(t, "{hook: Cluster, resources: {Cluster: ["+content+"]}}"))
				require.NoError(t, err)
				return calls[0].Resources
			}
			require.NoError(t, same(list(c.want), list(c.want)))
			require.ErrorContains(t, same(list(c.want), list(c.got)), c.text)
		})
	}
}

// TestSameFieldsInOtherBytes: an Any with nondeterministic order of map entries.
func TestSameFieldsInOtherBytes(t *testing.T) {
	a, b := []byte("\x0a\x07\x0a\x01a\x12\x02\x1a\x00"), []byte("\x0a\x07\x0a\x01b\x12\x02\x1a\x00")
	of := func(parts ...[]byte) []engine.Resources {
		content := &anypb.Any{TypeUrl: "type.googleapis.com/google.protobuf.Struct", Value: slices.Concat(parts...)}
		c := &clusterv3.Cluster{TransportSocket: &corev3.TransportSocket{ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: content}}}
		raw, err := proto.Marshal(c)
		require.NoError(t, err)
		return []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{raw}}}
	}
	require.ErrorContains(t, same(of(a, b), of(b, a)), "Cluster[0] has the same known fields in different bytes: create Anys with xds.Any, which is deterministic:")
	require.ErrorContains(t, same(of(a, b), of(a)), "Cluster[0].transportSocket.typedConfig.fields.b differs:")
}
