package mutator_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestRejected: rejected policies are also invalid in entries of a route, and other policies are
// unmodified.
func TestRejected(t *testing.T) {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}
	kind := policy.NewKind[map[string]any](gvk, nil)
	object := func(name string) []byte {
		return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":%q},"spec":{}}`, name)
	}
	set, err := policy.NewSet([]policy.Kind{kind}, [][]byte{object("a"), object("b")})
	require.NoError(t, err)
	a, b := set.Of(gvk)[0], set.Of(gvk)[1]
	entry, err := mutator.EncodeAttachedGroups(&mutator.Input{}, gvk, [][]policy.Attachment{{{Object: a}}, {{Object: b}}})
	require.NoError(t, err)

	reason := &mutator.RejectionError{Reason: mutator.MatchedNothing, Err: errors.New("nothing")}
	in := &mutator.Input{Rejected: map[policy.ID]error{a.ID(): reason}}
	plain := mutator.DecodeAttachedGroups(&mutator.Input{}, kind, entry)
	groups := mutator.DecodeAttachedGroups(in, kind, entry)
	require.Len(t, groups, 2)
	require.Equal(t, error(reason), groups[0][0].Err)
	require.Equal(t, mutator.MatchedNothing, mutator.ReasonOf(groups[0][0].Err))
	require.NotEqual(t, mutator.AttachedKey(plain[0]), mutator.AttachedKey(groups[0]), "so that nothing cached is used")
	require.NoError(t, groups[1][0].Err)
	require.Equal(t, mutator.AttachedKey(plain[1]), mutator.AttachedKey(groups[1]))

	with := set.WithErrors(in.Rejected)
	require.Equal(t, error(reason), with.Of(gvk)[0].Err)
	require.NoError(t, a.Err, "the object is shared")
	require.Same(t, b, with.Of(gvk)[1])
	require.NotEqual(t, set.Digest(), with.Digest())
	require.NotEqual(t, a.WithError(errors.New("x")).Digest(), a.WithError(errors.New("y")).Digest())
	require.Equal(t, mutator.Invalid, mutator.ReasonOf(errors.New("wrong")))
}

// TestCounts: an input with counts shares the results of ComputeOnce, which do not depend on
// counts.
func TestCounts(t *testing.T) {
	counts := mutator.Counts{}
	ctx := mutator.WithCounts(t.Context(), counts)
	mutator.Count(ctx, "a", 2)
	mutator.Count(ctx, "a", 1)
	mutator.Count(t.Context(), "a", 1) // of a feature without counts
	in := &mutator.Input{Hook: mutator.HookTranslation}
	with := in.WithCounts(counts).WithCounts(counts)
	require.Equal(t, 3, with.Counted("a"))
	require.Zero(t, with.Counted("b"))
	require.Equal(t, mutator.HookTranslation, with.Hook)
	type key struct{}
	require.Zero(t, mutator.ComputeOnce(with, key{}, func(in *mutator.Input) int { return in.Counted("a") }))
	require.Zero(t, mutator.ComputeOnce(in, key{}, func(*mutator.Input) int { return 5 }), "computed before")
}
