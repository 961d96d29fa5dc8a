package render

import (
	"context"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

const dump = `
configs:
- dynamic_active_clusters:
  - cluster: {"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, connect_timeout: 1s}
  dynamic_warming_clusters:
  - cluster: {"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, connect_timeout: 2s}
- dynamic_listeners:
  - name: l
    active_state: {listener: {"@type": type.googleapis.com/envoy.config.listener.v3.Listener, name: l}}
    warming_state: {listener: {"@type": type.googleapis.com/envoy.config.listener.v3.Listener, name: l, stat_prefix: warming}}
  - {name: draining, draining_state: {}}
- route_config:
    "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: r
    virtual_hosts:
    - name: v
      domains: [example.com]
      routes:
      - name: r1
        match: {prefix: /}
        direct_response: {status: 200}
        metadata: {filter_metadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: default, name: one, sectionName: rule}]}}}
      - name: r2
        match: {prefix: /}
        direct_response: {status: 200}
        metadata: {filter_metadata: {envoy-gateway: {resources: [{kind: GRPCRoute, namespace: default, name: two}]}}}
`

func policyFor(name, namespace, target string) string {
	return fmt.Sprintf("---\napiVersion: example.com/v1\nkind: P\nmetadata: {namespace: %s, name: %s}\nspec: {targetRefs: [%s]}\n", namespace, name, target)
}

// recorder returns a feature whose mutators change resources and record how they were called.
func recorder(calls *[]string) mutator.Feature {
	note := func(in *mutator.Input, name string) {
		line := fmt.Sprint(in.Hook, " ", name, " ", in.Hostnames)
		for _, o := range in.Objects.Of(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "P"}) {
			line += " " + o.Name
		}
		*calls = append(*calls, line)
	}
	return mutator.Feature{
		Name: "recorder", Hooks: []mutator.Hook{mutator.HookRoute, mutator.HookVirtualHost, mutator.HookHTTPListener, mutator.HookTranslation},
		Policies: []policy.Kind{policy.NewKind[map[string]any](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "P"}, nil)},
		Routes:   edit(func(in *mutator.Input, r *routev3.Route) { note(in, r.GetName()); r.StatPrefix = "edited" }),
		VirtualHosts: edit(func(in *mutator.Input, vh *routev3.VirtualHost) {
			note(in, vh.GetName()+" "+vh.GetRoutes()[0].GetStatPrefix())
		}),
		Listeners: edit(func(in *mutator.Input, l *listenerv3.Listener) { note(in, l.GetName()+" "+l.GetStatPrefix()) }),
		Clusters: edit(func(in *mutator.Input, c *clusterv3.Cluster) {
			note(in, fmt.Sprint(c.GetName(), " ", c.GetConnectTimeout().GetSeconds()))
			c.AltStatName = "edited"
		}),
	}
}

func edit[T proto.Message](do func(*mutator.Input, T)) mutator.Planner[T] {
	return mutator.Func[T]{Do: func(_ context.Context, in *mutator.Input, m T) error { do(in, m); return nil }}
}

func rendered(t *testing.T, calls *[]string, files ...string) *Result {
	t.Helper()
	in := &Input{}
	for _, f := range files {
		require.NoError(t, in.Read([]byte(f)))
	}
	features := []mutator.Feature{recorder(calls)}
	e, err := engine.New(features)
	require.NoError(t, err)
	res, err := (&Renderer{Engine: e, Features: features}).Render(t.Context(), in)
	require.NoError(t, err)
	return res
}

// TestCallsOfADump: the calls and the policies in them are those of Envoy Gateway.
func TestCallsOfADump(t *testing.T) {
	var calls []string
	policies := policyFor("section", "default", "{kind: HTTPRoute, name: one, sectionName: rule}") +
		policyFor("other-section", "default", "{kind: HTTPRoute, name: one, sectionName: none}") +
		policyFor("other-namespace", "other", "{kind: GRPCRoute, name: two}") +
		policyFor("other-kind", "default", "{kind: HTTPRoute, name: two}") +
		policyFor("gateway", "default", "{kind: Gateway, name: eg}") +
		policyFor("no-namespace", "", "{kind: HTTPRoute, name: one}")
	res := rendered(t, &calls, dump, policies)
	require.Equal(t, []string{
		"HTTPListener l warming [] gateway",
		"Route r1 [example.com] section",
		"VirtualHost v edited []",
		"Translation a 2 [] gateway",
		"Translation l warming [] gateway",
	}, calls)
	var notSent []string
	for _, p := range res.Policies {
		notSent = append(notSent, p.Policy+" "+p.Reason)
		require.False(t, p.InEffect())
	}
	require.Equal(t, []string{"P default/other-section NotSent", "P other/other-namespace NotSent", "P default/other-kind NotSent", "P /no-namespace NotSent"}, notSent)
	names := map[string]bool{}
	for _, r := range res.Resources {
		names[r.Name] = !proto.Equal(r.Before, r.After)
	}
	require.Equal(t, map[string]bool{"a": true, "l": false, "r": true}, names, "what changed")
}

// TestCallsOfFiles: a call uses what an earlier one of its file returned, and contains the policies
// of other files that Envoy Gateway would send.
func TestCallsOfFiles(t *testing.T) {
	var calls []string
	file := `
calls:
- hook: Route
  resources: {Route: [{name: r1, match: {prefix: /}, directResponse: {status: 200}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: default, name: one}]}}}}]}
- hook: Translation
  resources: {RouteConfiguration: [{name: r, virtualHosts: [{name: v, domains: [a], routes: [{name: r1}]}]}], Cluster: [{name: a, type: EDS}]}
`
	res := rendered(t, &calls, policyFor("route", "default", "{kind: HTTPRoute, name: one}"), file, policyFor("gateway", "default", "{kind: Gateway, name: eg}"))
	require.Equal(t, []string{"Route r1 [] route", "Translation a 0 [] gateway"}, calls)
	var rc *routev3.RouteConfiguration
	for _, r := range res.Resources {
		if r.Kind == mutator.KindRouteConfiguration {
			rc = r.After.(*routev3.RouteConfiguration)
		}
	}
	require.Equal(t, "edited", rc.GetVirtualHosts()[0].GetRoutes()[0].GetStatPrefix())
}
