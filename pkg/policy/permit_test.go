package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// small permits things up to a size.
func small(o *policy.Object, content any) error {
	if content.(*thing).Spec.Size > 1 {
		return errors.New(o.String() + ": too large " + strings.Repeat("x", 10_000))
	}
	return nil
}

// TestPermit: an object that is not permitted keeps its targets and its failure policy, but no
// mutator gets its content, in any hook.
func TestPermit(t *testing.T) {
	kinds := []policy.Kind{kind().WithPermit(small)}
	s, err := policy.NewSet(kinds, [][]byte{
		object("a", 2026, spec(`,"size":1`)), object("b", 2026, spec(`,"size":2,"failurePolicy":"Ignore"`)), object("c", 2026, spec(`,"size":-1`)),
	})
	require.NoError(t, err)
	permitted, rejected, wrong := s.Of(gvk)[0], s.Of(gvk)[1], s.Of(gvk)[2]
	require.NoError(t, permitted.Err)
	require.Equal(t, 1, policy.As[thing](permitted).Spec.Size)
	require.EqualError(t, wrong.Err, "spec.size: Invalid value: -1: must not be negative", "what is not valid is not asked about")

	require.ErrorContains(t, rejected.Err, "Thing ns/b: too large xxx")
	require.Len(t, rejected.Err.Error(), 2048+len(" …"))
	require.Nil(t, rejected.Content())
	require.Equal(t, policy.ToGateway, rejected.AttachedTo(policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg"}))
	require.Equal(t, "Ignore", rejected.FailurePolicy)

	again, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{[]byte(rejected.Raw())})
	require.NoError(t, err)
	require.EqualError(t, again.Of(gvk)[0].Err, rejected.Err.Error(), "what is left of it says so to those who do not ask")
	require.Nil(t, again.Of(gvk)[0].Content())
}
