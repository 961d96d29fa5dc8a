package originaldestination

import (
	"fmt"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// trusting returns a route to a backend with a creation time in seconds and a trusted filter.
func trusting(t *testing.T, name string, second int, filter string) *routev3.Route {
	t.Helper()
	value := fmt.Sprintf(`[{"specificity":4,"name":%q,"created":"2026-01-01T00:00:%02dZ","spec":{"source":{"header":{"name":"x-pod","filter":%q}},"allowedCIDRs":["10.0.0.0/8"]}}]`, name, second, filter)
	return &routev3.Route{
		Action:   &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: name}}},
		Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.MetadataNamespace: {Fields: map[string]*structpb.Value{"OriginalDestinationBackend.egraft.io": structpb.NewStringValue(value)}}}},
	}
}

func trusted(routes ...*routev3.Route) (names, denied []string) {
	reach := xds.NewRouteIndex([]xds.Configuration{{Name: "c", Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(&routev3.VirtualHost{Routes: routes})}}})
	names, objects := trustedIn(&mutator.Input{Hook: mutator.HookTranslation, Routes: func() *xds.RouteIndex { return reach }}, "c")
	for _, o := range objects {
		denied = append(denied, o.Namespace+"/"+o.Name)
	}
	return names, denied
}

// TestTrustedOfANamespace: one namespace cannot exceed its own limit, whatever is left for others,
// and its oldest backends take precedence.
func TestTrustedOfANamespace(t *testing.T) {
	names, denied := trusted(
		trusting(t, "a/five", 5, "f5"), trusting(t, "a/one", 1, "f1"), trusting(t, "a/two", 2, "f2"), trusting(t, "a/four", 4, "f4"),
		trusting(t, "a/three", 3, "f3"), trusting(t, "a/six", 6, "f6"), trusting(t, "b/late", 7, "f5"), trusting(t, "a/as one", 8, "f1"), trusting(t, "a/as late", 9, "f5"))
	require.Equal(t, []string{"f1", "f2", "f3", "f4", "f5"}, names)
	require.Equal(t, []string{"a/five", "a/six"}, denied, "the one that another namespace's names, too, is too late")
}

// TestTrustedOfOneAge: backends of the same age are sorted by namespace, then name.
func TestTrustedOfOneAge(t *testing.T) {
	names, denied := trusted(trusting(t, "b/a", 1, "fb"), trusting(t, "a/z", 1, "fz"), trusting(t, "a/b", 1, "fa"), trusting(t, "a-a/a", 1, "f-"))
	require.Equal(t, []string{"f-", "fa", "fz", "fb"}, names, "as Gateway API orders namespace/name")
	require.Empty(t, denied)
}

// TestTrustedOfAll: the number of filters of a listener is limited.
func TestTrustedOfAll(t *testing.T) {
	var routes []*routev3.Route
	for i := range 18 {
		routes = append(routes, trusting(t, fmt.Sprintf("ns%02d/a", i), i, fmt.Sprint("f", i)))
	}
	names, denied := trusted(routes...)
	require.Len(t, names, 16)
	require.Equal(t, []string{"ns16/a", "ns17/a"}, denied)
}

// TestRow: a row consists of adjacent filters, with or without egraft's own filters between them.
func TestRow(t *testing.T) {
	for name, c := range map[string]struct {
		filters    []string
		begin, end int
	}{
		"one":                 {[]string{"x", "f/1", "y"}, 1, 2},
		"first":               {[]string{"f/1", "y"}, 0, 1},
		"first of a row":      {[]string{"f/1", "f/2", "y", "f/3"}, 0, 2},
		"last":                {[]string{"x", "f/1", "f/2"}, 1, 3},
		"none":                {[]string{"x", "y"}, -1, 0},
		"egraft's between":    {[]string{"f/1", "egraft.destination.believe/x", "f/2", "y"}, 0, 3},
		"egraft's in front":   {[]string{"egraft.x", "f/1"}, 1, 2},
		"egraft's at the end": {[]string{"f/1", "egraft.x", "y", "f/2"}, 0, 1},
		"two rows":            {[]string{"x", "f/1", "y", "f/2"}, 1, 2},
		"part of egraft's":    {[]string{"egraft", "f/1", "e", "f/2"}, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var filters []*hcmv3.HttpFilter
			for _, f := range c.filters {
				filters = append(filters, &hcmv3.HttpFilter{Name: f})
			}
			begin, end := rowOf(filters, "f")
			require.Equal(t, c.begin, begin)
			require.Equal(t, c.end, end)
		})
	}
	begin, _ := rowOf([]*hcmv3.HttpFilter{{Name: "envoy.filters.http.router"}}, "envoy.filters.http")
	require.Negative(t, begin, "the router is no filter that sets a header")
}
