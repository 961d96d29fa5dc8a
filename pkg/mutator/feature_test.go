package mutator_test

import (
	"context"
	"slices"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestStatusOfPolicies: Envoy Gateway replaces the whole status of policies, so conditions of
// egraft would be lost.
func TestStatusOfPolicies(t *testing.T) {
	kind := policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, nil).WithConditions("things")
	f := mutator.Feature{Name: "a", Hooks: []mutator.Hook{mutator.HookRoute}, Routes: mutator.Func[*routev3.Route]{}, Filters: []policy.Kind{kind}, Backends: []policy.Kind{kind}}
	require.NoError(t, mutator.Validate([]mutator.Feature{f}))
	f.Policies = []policy.Kind{kind}
	require.EqualError(t, mutator.Validate([]mutator.Feature{f}),
		`feature "a": the status of policies is Envoy Gateway's, so Thing cannot have conditions`)
}

// TestCollisions: a custom resource and a name belong to one feature. Otherwise one feature would
// read or remove the state of another. Kinds with the same name in different groups are
// independent.
func TestCollisions(t *testing.T) {
	kind := func(group, version string) []policy.Kind {
		return []policy.Kind{policy.NewKind[struct{}](schema.GroupVersionKind{Group: group, Version: version, Kind: "Thing"}, nil)}
	}
	both := slices.Concat(kind("a.example", "v1"), kind("a.example", "v2"))
	hooks := []mutator.Hook{mutator.HookRoute}
	for name, c := range map[string]struct {
		features []mutator.Feature
		err      string
	}{
		"other groups":     {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Policies: kind("b.example", "v1")}}, ""},
		"in several lists": {[]mutator.Feature{{Name: "a", Hooks: hooks, Filters: kind("a.example", "v1"), Backends: kind("a.example", "v1")}}, ""},
		"one kind":         {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Policies: kind("a.example", "v1")}}, `feature "b": Thing.a.example belongs to a: one feature lists a custom resource, and others find its objects in Input.Objects`},
		"in another list":  {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Filters: kind("a.example", "v2")}}, `feature "b": Thing.a.example belongs to a: one feature lists a custom resource, and others find its objects in Input.Objects`},
		"two versions":     {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: both}}, `feature "a": Thing.a.example is listed as v1 and v2: Envoy Gateway would send each object in both versions`},
		"name of a kind": {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "Thing.a.example", Hooks: hooks}}, "feature \"Thing.a.example\": Thing.a.example belongs to a: one feature lists a custom resource, and others find its objects in Input.Objects\n" +
			`feature "Thing.a.example": the name must be lowercase words separated by dashes`},
		"name of egraft's":  {[]mutator.Feature{{Name: "denied", Hooks: hooks}}, `feature "denied": denied belongs to egraft: one feature lists a custom resource, and others find its objects in Input.Objects`},
		"one name is twice": {[]mutator.Feature{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}}, `feature "a" is listed twice`},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range c.features {
				c.features[i].Routes = mutator.Func[*routev3.Route]{}
			}
			err := mutator.Validate(c.features)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.err)
		})
	}
}

// nothing implements additions and reports without content.
type nothing struct{}

func (nothing) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{}, nil
}

func (nothing) Report(*mutator.Input) []mutator.PolicyOutcome { return nil }

// mutators returns features with one mutator each, and the hooks that can run it.
func mutators() map[string]struct {
	feature mutator.Feature
	hooks   []mutator.Hook
	kind    mutator.Kind
} {
	type oneOf = struct {
		feature mutator.Feature
		hooks   []mutator.Hook
		kind    mutator.Kind
	}
	translation := []mutator.Hook{mutator.HookTranslation}
	return map[string]oneOf{
		"Routes":              {mutator.Feature{Routes: mutator.Func[*routev3.Route]{}}, []mutator.Hook{mutator.HookRoute}, mutator.KindRoute},
		"VirtualHosts":        {mutator.Feature{VirtualHosts: mutator.Func[*routev3.VirtualHost]{}}, []mutator.Hook{mutator.HookVirtualHost}, mutator.KindVirtualHost},
		"Listeners":           {mutator.Feature{Listeners: mutator.Func[*listenerv3.Listener]{}}, []mutator.Hook{mutator.HookHTTPListener, mutator.HookTranslation}, mutator.KindListener},
		"Clusters":            {mutator.Feature{Clusters: mutator.Func[*clusterv3.Cluster]{}}, []mutator.Hook{mutator.HookTranslation, mutator.HookCluster}, mutator.KindCluster},
		"Endpoints":           {mutator.Feature{Endpoints: mutator.Func[*endpointv3.ClusterLoadAssignment]{}}, []mutator.Hook{mutator.HookEndpoints}, mutator.KindEndpoints},
		"Secrets":             {mutator.Feature{Secrets: mutator.Func[*tlsv3.Secret]{}}, translation, mutator.KindSecret},
		"RouteConfigurations": {mutator.Feature{RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{}}, translation, mutator.KindRouteConfiguration},
		"Additions":           {mutator.Feature{Additions: nothing{}}, translation, mutator.KindCluster},
	}
}

// TestHooksAndMutators: each mutator in each hook. A hook that can run it receives the resource;
// otherwise both the mutator and the hook are errors.
func TestHooksAndMutators(t *testing.T) {
	for field, m := range mutators() {
		for _, h := range mutator.Hooks() {
			m.feature.Name, m.feature.Hooks = "f", []mutator.Hook{h}
			err := mutator.Validate([]mutator.Feature{m.feature})
			if slices.Contains(m.hooks, h) {
				require.NoError(t, err, "%s in %s", field, h)
				require.True(t, m.feature.Receives(h, m.kind), "%s in %s", field, h)
				continue
			}
			require.ErrorContains(t, err, `feature "f": `+field+` has no effect: add `, "in %s", h)
			require.ErrorContains(t, err, `feature "f": hook `+string(h)+` has nothing to run: set `, "%s", field)
		}
	}
}

func TestHooksThatDisagree(t *testing.T) {
	clusters := mutator.Func[*clusterv3.Cluster]{}
	for want, f := range map[string]mutator.Feature{
		`feature "f": Listeners has no effect: add HTTPListener or Translation to Hooks`:            {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, Listeners: mutator.Func[*listenerv3.Listener]{}},
		`feature "f": NeedsRoutes has no effect: add Translation to Hooks`:                          {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, NeedsRoutes: true},
		`feature "f": PrunesSecrets has no effect: add Translation to Hooks`:                        {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, PrunesSecrets: true},
		`feature "f": RenamesClusters has no effect: add Translation to Hooks`:                      {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, RenamesClusters: true},
		`feature "f": hook Route has nothing to run: set Routes, or remove it from Hooks`:           {Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookRoute}, Clusters: clusters, Reporter: nothing{}},
		`feature "f": hook HTTPListener has nothing to run: set Listeners, or remove it from Hooks`: {Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookHTTPListener}, Clusters: clusters},
		`feature "f": hook Translation has nothing to run: set Listeners, Clusters, Secrets, RouteConfigurations, ClusterVariants or Additions, or remove it from Hooks`: {
			Hooks: []mutator.Hook{mutator.HookTranslation}, Reporter: nothing{},
		},
		"": {Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, Reporter: nothing{}}, // reports the routes' policies
	} {
		f.Name = "f"
		err := mutator.Validate([]mutator.Feature{f})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
}

// TestReceives: resources of a translation besides the mutated ones, and the hooks of custom
// resources.
func TestReceives(t *testing.T) {
	of := func(f mutator.Feature) (out []mutator.Kind) {
		f.Hooks = []mutator.Hook{mutator.HookTranslation}
		for _, k := range mutator.HookTranslation.Kinds() {
			if f.Receives(mutator.HookTranslation, k) {
				out = append(out, k)
			}
		}
		return out
	}
	require.Empty(t, of(mutator.Feature{}))
	require.Equal(t, []mutator.Kind{mutator.KindRouteConfiguration}, of(mutator.Feature{NeedsRoutes: true}))
	require.Equal(t, mutator.HookTranslation.Kinds(), of(mutator.Feature{PrunesSecrets: true}), "what may refer to a secret has to be there")
	require.Empty(t, mutator.Hook("Rout").Kinds())

	kinds := func(name string) []policy.Kind {
		return []policy.Kind{policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: name}, nil)}
	}
	f := mutator.Feature{Hooks: mutator.Hooks(), Policies: kinds("P"), Filters: kinds("F"), Backends: kinds("B")}
	for h, want := range map[mutator.Hook][]string{
		mutator.HookRoute: {"P", "F", "B"}, mutator.HookHTTPListener: {"P"}, mutator.HookTranslation: {"P"},
		mutator.HookCluster: {"B"}, mutator.HookVirtualHost: nil, mutator.HookEndpoints: nil,
	} {
		var got []string
		for _, k := range f.ObjectsIn(h) {
			got = append(got, k.Kind)
		}
		require.Equal(t, want, got, h)
	}
	f.Hooks = nil
	require.Empty(t, f.ObjectsIn(mutator.HookRoute))
}
