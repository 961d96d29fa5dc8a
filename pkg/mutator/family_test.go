package mutator_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestStatusOfPolicies is written by Envoy Gateway as a whole, so what egraft writes there
// would be lost.
func TestStatusOfPolicies(t *testing.T) {
	kind := policy.NewKind[struct{}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, nil).WithConditions("things")
	hooks := []mutator.Hook{mutator.HookRoute}
	require.NoError(t, mutator.Validate([]mutator.Family{{Name: "a", Hooks: hooks, Filters: []policy.Kind{kind}, Backends: []policy.Kind{kind}}}))
	require.EqualError(t, mutator.Validate([]mutator.Family{{Name: "a", Hooks: hooks, Policies: []policy.Kind{kind}}}),
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
			err := mutator.Validate(c.families)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.err)
		})
	}
}
