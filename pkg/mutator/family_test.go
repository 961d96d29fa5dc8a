package mutator_test

import (
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
