package xds_test

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/xds"
)

func TestStampMetadata(t *testing.T) {
	md, err := xds.StampMetadata(nil, "example.com", map[string]any{"a": "1", "b": 2})
	require.NoError(t, err)
	md, err = xds.StampMetadata(md, "example.com", map[string]any{"b": 3, "list": []any{"x"}})
	require.NoError(t, err)
	md, err = xds.StampMetadata(md, "other", map[string]any{"c": true})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1", "b": 3.0, "list": []any{"x"}}, md.GetFilterMetadata()["example.com"].AsMap())
	require.Equal(t, map[string]any{"c": true}, md.GetFilterMetadata()["other"].AsMap())
}

// TestStampMetadataOfOthers: stamps cannot change which policies a resource has.
func TestStampMetadataOfOthers(t *testing.T) {
	for namespace, want := range map[string]string{
		"egraft.io":     `metadata namespace "egraft.io" cannot be set`,
		"envoy-gateway": `metadata namespace "envoy-gateway" cannot be set`,
		"":              `metadata namespace "" cannot be set`,
	} {
		md := &corev3.Metadata{}
		got, err := xds.StampMetadata(md, namespace, map[string]any{"a": 1})
		require.EqualError(t, err, want)
		require.Same(t, md, got)
		require.Empty(t, md.GetFilterMetadata())
	}
	_, err := xds.StampMetadata(nil, "example.com", map[string]any{"a": struct{}{}})
	require.ErrorContains(t, err, `metadata namespace "example.com": proto`)
}

func TestStampEndpoints(t *testing.T) {
	la := &endpointv3.ClusterLoadAssignment{Endpoints: []*endpointv3.LocalityLbEndpoints{
		{LbEndpoints: []*endpointv3.LbEndpoint{{}, {}}}, {LbEndpoints: []*endpointv3.LbEndpoint{{}}},
	}}
	require.NoError(t, xds.StampEndpoints(la, "example.com", map[string]any{"a": "1"}))
	for _, locality := range la.GetEndpoints() {
		for _, e := range locality.GetLbEndpoints() {
			require.Equal(t, map[string]any{"a": "1"}, e.GetMetadata().GetFilterMetadata()["example.com"].AsMap())
		}
	}
	require.Error(t, xds.StampEndpoints(la, "egraft.io", nil))
}
