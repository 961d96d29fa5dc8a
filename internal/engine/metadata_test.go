package engine_test

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestForeignMarks: a feature changes what is its own in egraft's metadata, and nothing of others,
// be it by another value or by none. What is outside of egraft's metadata is for all.
func TestForeignMarks(t *testing.T) {
	set := func(key string) func(*clusterv3.Cluster) {
		return func(c *clusterv3.Cluster) {
			c.Metadata = xds.SetMetadataEntry(c.GetMetadata(), xds.MetadataEntry{Key: key, Value: "new"})
		}
	}
	for name, c := range map[string]struct {
		do  func(*clusterv3.Cluster)
		key string // that must not be changed
	}{
		"its name":     {set("f"), ""},
		"its kind":     {set("Thing.example.com"), ""},
		"another kind": {set("Thing.other.example"), "Thing.other.example"},
		"a new key":    {set("new"), "new"},
		"of another":   {set("there"), "there"},
		"the same value": {func(c *clusterv3.Cluster) {
			c.Metadata.FilterMetadata[xds.MetadataNamespace].Fields["there"] = structpb.NewStringValue("old")
			c.AltStatName = "x"
		}, ""},
		"removed": {func(c *clusterv3.Cluster) { delete(c.Metadata.FilterMetadata[xds.MetadataNamespace].Fields, "there") }, "there"},
		"to nothing": {func(c *clusterv3.Cluster) {
			c.Metadata.FilterMetadata[xds.MetadataNamespace].Fields["there"] = &structpb.Value{}
		}, "there"},
		"all removed": {func(c *clusterv3.Cluster) { c.Metadata = nil }, "map"},
		"other metadata": {func(c *clusterv3.Cluster) {
			c.Metadata.FilterMetadata["x"].Fields["there"] = structpb.NewBoolValue(true)
		}, ""},
		"nothing": {func(c *clusterv3.Cluster) { c.AltStatName = "x" }, ""},
		"denied":  {func(c *clusterv3.Cluster) { require.NoError(t, xds.DenyCluster(c)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := mutator.Feature{Policies: []policy.Kind{missingKind}}
			edit(&f, c.do)
			many, err := structpb.NewStruct(map[string]any{"a": "1", "b": "2", "c": "3", "d": map[string]any{"e": "4", "f": "5"}})
			require.NoError(t, err)
			for range 20 { // in whatever order the maps are
				o := runEdit(t, f, mutator.HookTranslation, mutator.KindCluster, &clusterv3.Cluster{Name: "c", Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{
					xds.MetadataNamespace: {Fields: map[string]*structpb.Value{"there": structpb.NewStringValue("old"), "map": structpb.NewStructValue(proto.CloneOf(many))}}, "x": many,
				}}})
				if c.key == "" {
					require.NoError(t, o.Err)
					require.Equal(t, engine.Applied, o.Result)
				} else {
					require.ErrorContains(t, o.Err, `in the metadata egraft.io, which belongs to another feature; the feature's own keys are f, Thing.example.com`)
					if name != "all removed" {
						require.ErrorContains(t, o.Err, `changed "`+c.key+`" `)
					}
				}
			}
		})
	}
}
