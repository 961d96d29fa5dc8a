package mutatortest

import (
	"context"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/pkg/mutator"
)

// everywhere edits every resource of every hook, so that each resource shows which hooks processed
// it.
func everywhere() mutator.Feature {
	return mutator.Feature{
		Name:  "f",
		Hooks: []mutator.Hook{mutator.HookRoute, mutator.HookVirtualHost, mutator.HookHTTPListener, mutator.HookCluster, mutator.HookTranslation},
		Routes: mutator.Func[*routev3.Route]{Do: func(_ context.Context, _ *mutator.Input, r *routev3.Route) error {
			r.StatPrefix = "route"
			return nil
		}},
		VirtualHosts: mutator.Func[*routev3.VirtualHost]{Do: func(_ context.Context, _ *mutator.Input, vh *routev3.VirtualHost) error {
			vh.IncludeRequestAttemptCount = true
			return nil
		}},
		Listeners: mutator.Func[*listenerv3.Listener]{Do: func(_ context.Context, in *mutator.Input, l *listenerv3.Listener) error {
			l.StatPrefix += string(in.Hook)
			return nil
		}},
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
			c.AltStatName += string(in.Hook)
			return nil
		}},
		RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{Do: func(_ context.Context, _ *mutator.Input, rc *routev3.RouteConfiguration) error {
			rc.MostSpecificHeaderMutationsWins = true
			return nil
		}},
	}
}

// TestCalls: a later call takes resources of every kind from the results of earlier calls, the last
// result first.
func TestCalls(t *testing.T) {
	_, steps, err := load(t.Context(), write(t, `
calls:
- {hook: Route, resources: {Route: [{name: r, match: {prefix: /old}, route: {cluster: c}}]}}
- {hook: Route, resources: {Route: [{name: r, match: {prefix: /}, route: {cluster: c}}, {name: s, match: {prefix: /s}, route: {cluster: c}}]}}
- {hook: VirtualHost, resources: {VirtualHost: [{name: v, domains: [v.com], routes: [{name: r}]}]}}
- {hook: HTTPListener, resources: {Listener: [{name: l, transparent: true}]}}
- {hook: Cluster, resources: {Cluster: [{name: c, type: EDS}]}}
- hook: Translation
  resources:
    Cluster: [{name: c}, {name: d, type: EDS}]
    Listener: [{name: l}]
    RouteConfiguration:
    - name: rc
      virtualHosts: [{name: v}, {name: w, domains: [w.com], routes: [{name: s}, {match: {prefix: /t}, route: {cluster: c}}]}]
`), everywhere)
	require.NoError(t, err)
	require.Len(t, steps, 6)
	last := steps[5].res.Resources
	route := func(name, prefix, statPrefix string) *routev3.Route {
		return &routev3.Route{
			Name: name, StatPrefix: statPrefix, Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: prefix}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
		}
	}
	eds := &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	for i, want := range []proto.Message{
		&clusterv3.Cluster{Name: "c", ClusterDiscoveryType: eds, AltStatName: "ClusterTranslation"},
		&listenerv3.Listener{Name: "l", Transparent: wrapperspb.Bool(true), StatPrefix: "HTTPListenerTranslation"},
		&routev3.RouteConfiguration{Name: "rc", MostSpecificHeaderMutationsWins: true, VirtualHosts: []*routev3.VirtualHost{
			{Name: "v", Domains: []string{"v.com"}, IncludeRequestAttemptCount: true, Routes: []*routev3.Route{route("r", "/", "route")}},
			{Name: "w", Domains: []string{"w.com"}, Routes: []*routev3.Route{route("s", "/s", "route"), route("", "/t", "")}},
		}},
	} {
		got, err := callfile.Decode(last[i].Kind, last[i].Encoded[0])
		require.NoError(t, err)
		require.True(t, proto.Equal(want, got), "%v\n%v", want, got)
	}
}

// TestCallsThatNameNothing: a name that no earlier call returned is an error.
func TestCallsThatNameNothing(t *testing.T) {
	for last, want := range map[string]string{
		"{hook: Translation, resources: {Cluster: [{name: x, type: EDS}, {name: c}]}}":                                                                           `calls[1].resources.Cluster[1]: has only the name "c" and stands for a Cluster that an earlier call returned`,
		"{hook: VirtualHost, resources: {VirtualHost: [{name: v, domains: [a], routes: [{name: r}, {name: q}]}]}}":                                               `calls[1].resources.VirtualHost[0].routes[1]: has only the name "q" and stands for a Route that an earlier call returned`,
		"{hook: Translation, resources: {RouteConfiguration: [{name: rc, virtualHosts: [{name: v, domains: [a], routes: [{match: {prefix: /}}, {name: q}]}]}]}}": `calls[1].resources.RouteConfiguration[0].virtualHosts[0].routes[1]: has only the name "q" and stands for a Route that an earlier call returned`,
		"{hook: Translation, resources: {RouteConfiguration: [{name: rc, virtualHosts: [{name: v}]}]}}":                                                          `calls[1].resources.RouteConfiguration[0].virtualHosts[0]: has only the name "v" and stands for a VirtualHost that an earlier call returned`,
	} {
		requireLoadError(t, "calls: [{hook: Route, resources: {Route: [{name: r, match: {prefix: /}}]}}, "+last+"]", everywhere(),
			want+", but none did: correct the name, or write the resource out")
	}
}

// TestCasesAreSeparate: a case with one call does not use results of others.
func TestCasesAreSeparate(t *testing.T) {
	_, steps, err := load(t.Context(), write(t, "{hook: Translation, resources: {Cluster: [{name: c}]}}"), everywhere)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Empty(t, steps[0].at)
}
