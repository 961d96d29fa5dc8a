package attach

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// TestIncomplete: a feature without its required fields is rejected at start.
func TestIncomplete(t *testing.T) {
	complete := labels(mutator.Ignore)
	require.NoError(t, mutator.Validate([]mutator.Feature{complete.Feature()}))
	incomplete := complete
	incomplete.Kind.Version, incomplete.Edit, incomplete.Describe = "", nil, nil
	for want, f := range map[string]mutator.Feature{
		`feature "label": attach.ClusterPolicy: set Kind.Version, Edit, Describe`:                         incomplete.Feature(),
		`feature "r": attach.RoutePolicy: set Targets, Route, VirtualHost, Config, Describe`:              RoutePolicy[label]{Name: "r", Kind: labelKind, Filter: "f"}.Feature(),
		`feature "r": attach.RoutePolicy: set Targets, Route, VirtualHost, Describe`:                      RoutePolicy[label]{Name: "r", Kind: labelKind}.Feature(),
		`feature "p": attach.FilterPolicy: set Targets, Config, Describe`:                                 FilterPolicy[label]{Name: "p", Kind: labelKind}.Feature(),
		`feature "f": attach.Filter: set Resource, Config, Describe`:                                      Filter[label]{Name: "f", Kind: labelKind}.Feature(),
		`feature "l": attach.ListenerPolicy: set Targets, FilterChain or HTTPConnectionManager, Describe`: ListenerPolicy[label]{Name: "l", Kind: labelKind}.Feature(),
		`feature "f": attach.RouteFilter: set Resource, Edit, Describe`:                                   RouteFilter[label]{Name: "f", Kind: labelKind}.Feature(),
		`feature "f": attach.HTTPFilter: set Kind.Kind, Resource, Filter, Config, Describe`:               HTTPFilter[label]{Name: "f", Kind: labelKind.GroupVersion().WithKind("")}.Feature(),
	} {
		err := mutator.Validate([]mutator.Feature{f})
		require.Error(t, err)
		require.Contains(t, err.Error(), want)
	}
}

// TestHooksOfTargetKinds: policies that cannot target routes need no Route hook. They still need
// the routes of the translation, which show the Gateways of a cluster.
func TestHooksOfTargetKinds(t *testing.T) {
	both, one := []mutator.Hook{mutator.HookRoute, mutator.HookTranslation}, []mutator.Hook{mutator.HookTranslation}
	for _, c := range []struct {
		kinds []string
		want  []mutator.Hook
	}{{nil, both}, {[]string{xds.KindGateway, xds.KindGRPCRoute}, both}, {[]string{xds.KindGateway, xds.KindGatewayClass}, one}} {
		p := labels(mutator.Ignore)
		p.TargetKinds = c.kinds
		f := p.Feature()
		require.NoError(t, mutator.Validate([]mutator.Feature{f}))
		require.Equal(t, c.want, f.Hooks)
		require.True(t, f.Receives(mutator.HookTranslation, mutator.KindRouteConfiguration))
		require.Equal(t, c.want, RoutePolicy[label]{TargetKinds: c.kinds}.Feature().Hooks)
		require.Equal(t, c.want, FilterPolicy[label]{TargetKinds: c.kinds}.Feature().Hooks)
	}
}
