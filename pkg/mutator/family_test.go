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

// TestStatusOfPolicies is written by Envoy Gateway as a whole, so what egraft writes there
// would be lost.
func TestStatusOfPolicies(t *testing.T) {
	kind := policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, nil).WithConditions("things")
	f := mutator.Family{Name: "a", Hooks: []mutator.Hook{mutator.HookRoute}, Routes: mutator.Func[*routev3.Route]{}, Filters: []policy.Kind{kind}, Backends: []policy.Kind{kind}}
	require.NoError(t, mutator.Validate([]mutator.Family{f}))
	f.Policies = []policy.Kind{kind}
	require.EqualError(t, mutator.Validate([]mutator.Family{f}),
		`mutator family "a": the status of policies is Envoy Gateway's, so Thing cannot have conditions`)
}

// TestCollisions: of a custom resource and a name there is one owner, or one family would read or
// erase what is another one's. Kinds of one name in different groups have nothing in common.
func TestCollisions(t *testing.T) {
	kind := func(group, version string) []policy.Kind {
		return []policy.Kind{policy.NewKind[struct{}](schema.GroupVersionKind{Group: group, Version: version, Kind: "Thing"}, nil)}
	}
	both := slices.Concat(kind("a.example", "v1"), kind("a.example", "v2"))
	hooks := []mutator.Hook{mutator.HookRoute}
	for name, c := range map[string]struct {
		families []mutator.Family
		err      string
	}{
		"other groups":      {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Policies: kind("b.example", "v1")}}, ""},
		"in several lists":  {[]mutator.Family{{Name: "a", Hooks: hooks, Filters: kind("a.example", "v1"), Backends: kind("a.example", "v1")}}, ""},
		"one kind":          {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Policies: kind("a.example", "v1")}}, `mutator family "b": Thing.a.example belongs to a: one family lists a custom resource, and others find its objects in Input.Objects`},
		"in another list":   {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "b", Hooks: hooks, Filters: kind("a.example", "v2")}}, `mutator family "b": Thing.a.example belongs to a: one family lists a custom resource, and others find its objects in Input.Objects`},
		"two versions":      {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: both}}, `mutator family "a": Thing.a.example is listed as v1 and v2: Envoy Gateway would send each object in both versions`},
		"name of a kind":    {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "Thing.a.example", Hooks: hooks}}, `mutator family "Thing.a.example": Thing.a.example belongs to a: one family lists a custom resource, and others find its objects in Input.Objects`},
		"name of egraft's":  {[]mutator.Family{{Name: "denied", Hooks: hooks}}, `mutator family "denied": denied belongs to egraft: one family lists a custom resource, and others find its objects in Input.Objects`},
		"one name is twice": {[]mutator.Family{{Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}, {Name: "a", Hooks: hooks, Policies: kind("a.example", "v1")}}, `mutator family "a" is listed twice`},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range c.families {
				c.families[i].Routes = mutator.Func[*routev3.Route]{}
			}
			err := mutator.Validate(c.families)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.err)
		})
	}
}

// nothing is a family's additions and reports.
type nothing struct{}

func (nothing) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{}, nil
}

func (nothing) Report(*mutator.Input) []mutator.PolicyOutcome { return nil }

// mutators are families, each with one mutator, by the hooks that can run it.
func mutators() map[string]struct {
	family mutator.Family
	hooks  []mutator.Hook
	kind   mutator.Kind
} {
	type oneOf = struct {
		family mutator.Family
		hooks  []mutator.Hook
		kind   mutator.Kind
	}
	translation := []mutator.Hook{mutator.HookTranslation}
	return map[string]oneOf{
		"Routes":              {mutator.Family{Routes: mutator.Func[*routev3.Route]{}}, []mutator.Hook{mutator.HookRoute}, mutator.KindRoute},
		"VirtualHosts":        {mutator.Family{VirtualHosts: mutator.Func[*routev3.VirtualHost]{}}, []mutator.Hook{mutator.HookVirtualHost}, mutator.KindVirtualHost},
		"Listeners":           {mutator.Family{Listeners: mutator.Func[*listenerv3.Listener]{}}, []mutator.Hook{mutator.HookHTTPListener, mutator.HookTranslation}, mutator.KindListener},
		"Clusters":            {mutator.Family{Clusters: mutator.Func[*clusterv3.Cluster]{}}, []mutator.Hook{mutator.HookTranslation, mutator.HookCluster}, mutator.KindCluster},
		"Endpoints":           {mutator.Family{Endpoints: mutator.Func[*endpointv3.ClusterLoadAssignment]{}}, []mutator.Hook{mutator.HookEndpoints}, mutator.KindEndpoints},
		"Secrets":             {mutator.Family{Secrets: mutator.Func[*tlsv3.Secret]{}}, translation, mutator.KindSecret},
		"RouteConfigurations": {mutator.Family{RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{}}, translation, mutator.KindRouteConfiguration},
		"Additions":           {mutator.Family{Additions: nothing{}}, translation, mutator.KindCluster},
	}
}

// TestHooksAndMutators has each mutator in each hook: those that can run it receive the resource,
// and for the others both the mutator and the hook are wrong.
func TestHooksAndMutators(t *testing.T) {
	for field, m := range mutators() {
		for _, h := range mutator.Hooks() {
			m.family.Name, m.family.Hooks = "f", []mutator.Hook{h}
			err := mutator.Validate([]mutator.Family{m.family})
			if slices.Contains(m.hooks, h) {
				require.NoError(t, err, "%s in %s", field, h)
				require.True(t, m.family.Receives(h, m.kind), "%s in %s", field, h)
				continue
			}
			require.ErrorContains(t, err, `mutator family "f": `+field+` has no effect: add `, "in %s", h)
			require.ErrorContains(t, err, `mutator family "f": hook `+string(h)+` has nothing to run: set `, "%s", field)
		}
	}
}

func TestHooksThatDisagree(t *testing.T) {
	clusters := mutator.Func[*clusterv3.Cluster]{}
	for want, f := range map[string]mutator.Family{
		`mutator family "f": Listeners has no effect: add HTTPListener or Translation to Hooks`:            {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, Listeners: mutator.Func[*listenerv3.Listener]{}},
		`mutator family "f": NeedsReach has no effect: add Translation to Hooks`:                           {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, NeedsReach: true},
		`mutator family "f": DropsSecrets has no effect: add Translation to Hooks`:                         {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, DropsSecrets: true},
		`mutator family "f": RenamesClusters has no effect: add Translation to Hooks`:                      {Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: clusters, RenamesClusters: true},
		`mutator family "f": hook Route has nothing to run: set Routes, or remove it from Hooks`:           {Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookRoute}, Clusters: clusters, Reporter: nothing{}},
		`mutator family "f": hook HTTPListener has nothing to run: set Listeners, or remove it from Hooks`: {Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookHTTPListener}, Clusters: clusters},
		`mutator family "f": hook Translation has nothing to run: set Listeners, Clusters, Secrets, RouteConfigurations, ClusterVariants or Additions, or remove it from Hooks`: {
			Hooks: []mutator.Hook{mutator.HookTranslation}, Reporter: nothing{},
		},
		"": {Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsReach: true, Reporter: nothing{}}, // which tells of the routes' policies
	} {
		f.Name = "f"
		err := mutator.Validate([]mutator.Family{f})
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, want)
	}
}

// TestReceives has what a translation brings beside what is mutated, and the hooks of custom
// resources.
func TestReceives(t *testing.T) {
	of := func(f mutator.Family) (out []mutator.Kind) {
		f.Hooks = []mutator.Hook{mutator.HookTranslation}
		for _, k := range mutator.HookTranslation.Kinds() {
			if f.Receives(mutator.HookTranslation, k) {
				out = append(out, k)
			}
		}
		return out
	}
	require.Empty(t, of(mutator.Family{}))
	require.Equal(t, []mutator.Kind{mutator.KindRouteConfiguration}, of(mutator.Family{NeedsReach: true}))
	require.Equal(t, mutator.HookTranslation.Kinds(), of(mutator.Family{DropsSecrets: true}), "what may refer to a secret has to be there")
	require.Empty(t, mutator.Hook("Rout").Kinds())

	kinds := func(name string) []policy.Kind {
		return []policy.Kind{policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: name}, nil)}
	}
	f := mutator.Family{Hooks: mutator.Hooks(), Policies: kinds("P"), Filters: kinds("F"), Backends: kinds("B")}
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
