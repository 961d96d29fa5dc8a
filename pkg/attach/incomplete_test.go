package attach

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// TestClusterPolicyIncomplete: a feature that was made without what it needs is rejected at start.
func TestClusterPolicyIncomplete(t *testing.T) {
	complete := labels(mutator.Ignore)
	require.NoError(t, mutator.Validate([]mutator.Feature{complete.Feature()}))
	incomplete := complete
	incomplete.Kind.Version, incomplete.Edit, incomplete.Describe = "", nil, nil
	require.EqualError(t, mutator.Validate([]mutator.Feature{incomplete.Feature()}),
		`feature "`+complete.Name+`": attach.ClusterPolicy: set Kind.Version, Edit, Describe`)
}
