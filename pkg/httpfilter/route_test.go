package httpfilter_test

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := xds.Any(m)
	require.NoError(t, err)
	return a
}

func limit(n uint32) *bufferv3.BufferPerRoute {
	return &bufferv3.BufferPerRoute{Override: &bufferv3.BufferPerRoute_Buffer{Buffer: &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(n)}}}
}

func TestSet(t *testing.T) {
	vh := &routev3.VirtualHost{}
	require.NoError(t, httpfilter.Set(&vh.TypedPerFilterConfig, "f", limit(1)))
	require.NoError(t, httpfilter.Set(&vh.TypedPerFilterConfig, "g", limit(1)))
	require.NoError(t, httpfilter.Set(&vh.TypedPerFilterConfig, "f", limit(2)))
	require.Len(t, vh.GetTypedPerFilterConfig(), 2)
	require.True(t, proto.Equal(packed(t, limit(2)), vh.GetTypedPerFilterConfig()["f"]))
}

// TestConfigure: an existing setting is not lost.
func TestConfigure(t *testing.T) {
	conflict := `HTTP filter "f" has another setting already`
	unknown := &anypb.Any{TypeUrl: "type.googleapis.com/nobody.Knows", Value: []byte{1}}
	for name, c := range map[string]struct {
		there, cluster *anypb.Any
		set            proto.Message
		err            string
	}{
		"nothing there":               {nil, nil, limit(1), ""},
		"the same":                    {packed(t, limit(1)), nil, limit(1), ""},
		"another one":                 {packed(t, limit(2)), nil, limit(1), conflict},
		"of another type":             {packed(t, wrapperspb.Bool(true)), nil, limit(1), conflict},
		"of an unknown type":          {unknown, nil, limit(1), conflict},
		"only enabled":                {packed(t, httpfilter.Enable()), nil, limit(1), ""},
		"disabled":                    {packed(t, &routev3.FilterConfig{Disabled: true}), nil, limit(1), conflict},
		"with a configuration":        {packed(t, &routev3.FilterConfig{Config: packed(t, limit(1))}), nil, limit(1), conflict},
		"to enable":                   {nil, nil, httpfilter.Enable(), ""},
		"to enable what is enabled":   {packed(t, httpfilter.Enable()), nil, httpfilter.Enable(), ""},
		"to enable what is disabled":  {packed(t, &routev3.FilterConfig{Disabled: true}), nil, httpfilter.Enable(), conflict},
		"the same of a cluster":       {nil, packed(t, limit(1)), limit(1), ""},
		"another one of a cluster":    {nil, packed(t, limit(2)), limit(1), `HTTP filter "f" has another setting for cluster "b", which overrides that of the route`},
		"only enabled for a cluster":  {nil, packed(t, httpfilter.Enable()), limit(1), `HTTP filter "f" has another setting for cluster "b", which overrides that of the route`},
		"the same, in another order":  {&anypb.Any{TypeUrl: packed(t, limit(1)).GetTypeUrl(), Value: append(packed(t, limit(2)).GetValue(), packed(t, limit(1)).GetValue()...)}, nil, limit(1), ""},
		"bytes that nothing can read": {&anypb.Any{TypeUrl: packed(t, limit(1)).GetTypeUrl(), Value: []byte{0xff}}, nil, limit(1), conflict},
	} {
		t.Run(name, func(t *testing.T) {
			clusters := &routev3.WeightedCluster{Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "a"}, {Name: "b"}}}
			r := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: clusters}}}}
			if c.there != nil {
				r.TypedPerFilterConfig = httpfilter.Settings{"f": c.there}
			}
			if c.cluster != nil {
				clusters.Clusters[1].TypedPerFilterConfig = httpfilter.Settings{"f": c.cluster}
			}
			before := proto.Clone(r)
			err := httpfilter.Configure(r, "f", c.set)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				require.True(t, proto.Equal(before, r))
				return
			}
			require.NoError(t, err)
			require.True(t, proto.Equal(packed(t, c.set), r.GetTypedPerFilterConfig()["f"]))
		})
	}
	r := &routev3.Route{TypedPerFilterConfig: httpfilter.Settings{"f": packed(t, limit(1))}}
	require.NoError(t, httpfilter.Configure(r, "f", httpfilter.Enable()))
	require.True(t, proto.Equal(packed(t, limit(1)), r.GetTypedPerFilterConfig()["f"]), "a setting enables the filter, too")
}
