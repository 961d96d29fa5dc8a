package engine_test

import (
	"context"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestForeignMarks: a feature may change only its own entries in egraft's metadata, and must not
// change or remove entries of others. All features may change other metadata.
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
		"of Shadows":   {set(xds.ShadowKey), xds.ShadowKey},
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
			for range 20 { // in any order of the maps
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

// TestForeignEntriesOfRoutes: a feature must not change entries of others on the routes of a
// virtual host or route configuration. It may remove or duplicate a route.
func TestForeignEntriesOfRoutes(t *testing.T) {
	entry := func(key, value string) xds.MetadataEntry { return xds.MetadataEntry{Key: key, Value: value} }
	set := func(r *routev3.Route, m xds.MetadataEntry) { r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m) }
	for name, c := range map[string]struct {
		do  func(vh *routev3.VirtualHost)
		key string // that must not be changed
	}{
		"nothing":           {func(vh *routev3.VirtualHost) { vh.IncludeRequestAttemptCount = true }, ""},
		"its own":           {func(vh *routev3.VirtualHost) { set(vh.Routes[0], entry("f", "x")) }, ""},
		"of another":        {func(vh *routev3.VirtualHost) { set(vh.Routes[0], entry("other", "x")) }, "other"},
		"of another, there": {func(vh *routev3.VirtualHost) { set(vh.Routes[1], entry("there", "x")) }, "there"},
		"of Shadows":        {func(vh *routev3.VirtualHost) { set(vh.Routes[0], entry(xds.ShadowKey, "x")) }, xds.ShadowKey},
		"taken away":        {func(vh *routev3.VirtualHost) { vh.Routes[0].Metadata = nil }, "there"},
		"a route dropped":   {func(vh *routev3.VirtualHost) { vh.Routes = vh.Routes[1:] }, ""},
		"a route added": {func(vh *routev3.VirtualHost) {
			vh.Routes = append(vh.Routes, proto.CloneOf(vh.Routes[0]))
		}, ""},
		"denied": {func(vh *routev3.VirtualHost) { require.NoError(t, xds.DenyVirtualHost(vh)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			vh := &routev3.VirtualHost{Name: "h", Domains: []string{"*"}}
			for _, value := range []string{"a", "b"} {
				r := &routev3.Route{Name: value, Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}
				set(r, entry("there", value))
				vh.Routes = append(vh.Routes, r)
			}
			var ofHost, ofConfiguration mutator.Feature
			ofHost.VirtualHosts = mutator.Func[*routev3.VirtualHost]{Do: func(_ context.Context, _ *mutator.Input, vh *routev3.VirtualHost) error {
				c.do(vh)
				return nil
			}}
			edit(&ofConfiguration, func(rc *routev3.RouteConfiguration) { c.do(rc.GetVirtualHosts()[0]) })
			ofConfiguration.Name, ofConfiguration.Hooks, ofConfiguration.FailurePolicy = "f", []mutator.Hook{mutator.HookTranslation}, mutator.Ignore
			e, err := engine.New([]mutator.Feature{ofConfiguration})
			require.NoError(t, err)
			rc := &routev3.RouteConfiguration{Name: "c", VirtualHosts: []*routev3.VirtualHost{vh}}
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, rc)}}}})
			require.NoError(t, err)
			for _, o := range []*engine.Outcome{
				runEdit(t, ofHost, mutator.HookVirtualHost, mutator.KindVirtualHost, vh), res.Outcomes[0],
			} {
				if c.key == "" {
					require.NoError(t, o.Err)
					continue
				}
				require.EqualError(t, o.Err, `changed "`+c.key+`" in the metadata egraft.io of a route, which belongs to another feature; the feature's own keys are f`)
			}
		})
	}
}
