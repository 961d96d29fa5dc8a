package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// TestCarry: only what a later hook needs is encoded, without targets.
func TestCarry(t *testing.T) {
	loose := policy.NewKind[map[string]any](gvk, nil)
	s, err := policy.NewSet([]policy.Kind{loose}, [][]byte{object("a", 2026, `{
		"targetRef":{"kind":"Gateway","name":"eg"},"targetRefs":[{"kind":"Gateway","name":"eg"}],"targetSelectors":[{"kind":"Gateway"}],
		"failurePolicy":"Ignore","size":1}`)})
	require.NoError(t, err)
	o := s.Of(gvk)[0]
	c, err := o.Encode()
	require.NoError(t, err)
	require.JSONEq(t, `{"size":1}`, string(c.Content))
	require.Equal(t, "Ignore", c.FailurePolicy)

	restored, err := loose.Decode(c)
	require.NoError(t, err)
	require.Equal(t, "Thing ns/a", restored.String())
	require.Equal(t, o.Created, restored.Created)
	require.Equal(t, "Ignore", restored.FailurePolicy)
	require.Equal(t, map[string]any{"size": int64(1)}, (*policy.As[map[string]any](restored))["spec"])

	identity, err := loose.Decode(o.Identity())
	require.NoError(t, err)
	require.Nil(t, identity.Content())
	require.NoError(t, identity.Err)
	_, err = identity.Encode()
	require.Error(t, err, "there is nothing to carry")
}

// TestCarryOfWhatCannotBeUsed: an invalid object cannot be encoded, because the later hook would
// not know the error.
func TestCarryOfWhatCannotBeUsed(t *testing.T) {
	for spec, want := range map[string]string{
		`{"size":-1}`:  "Thing ns/a: spec.size: Invalid value: -1: must not be negative",
		`{"size":"x"}`: "Thing ns/a: cannot be read: json: cannot unmarshal string into Go struct field .spec.size of type int",
	} {
		_, err := parse(t, object("a", 2026, spec))[0].Encode()
		require.EqualError(t, err, want)
	}
}

// TestRestoreOfWhatNobodyCarried: decoding other data is an error.
func TestRestoreOfWhatNobodyCarried(t *testing.T) {
	for content, name := range map[string]string{`{}`: "no slash", `{"size":"x"}`: "ns/a", `{`: "ns/a"} {
		_, err := kind().Decode(policy.Encoded{Name: name, Content: json.RawMessage(content)})
		require.ErrorContains(t, err, `encoded object "`+name+`"`)
	}
}

// TestRestoredAreToldApart: decoded objects differ by content and by identity.
func TestRestoredAreToldApart(t *testing.T) {
	digests := map[string]bool{}
	for _, c := range []policy.Encoded{
		{Name: "ns/a", Content: json.RawMessage(`{"size":1}`)},
		{Name: "ns/a", Content: json.RawMessage(`{"size":2}`)},
		{Name: "ns/b", Content: json.RawMessage(`{"size":1}`)},
		{Name: "ns/a"},
	} {
		o, err := kind().Decode(c)
		require.NoError(t, err)
		digests[o.Digest()] = true
		again, err := kind().Decode(c)
		require.NoError(t, err)
		require.Equal(t, o.Digest(), again.Digest())
	}
	require.Len(t, digests, 4)
}
