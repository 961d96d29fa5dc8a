package policy_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// FuzzNewSet reads arbitrary bytes as a custom resource. JSON of the kind becomes an object, valid
// or with an error, and decoding its encoded form returns the same content.
func FuzzNewSet(f *testing.F) {
	f.Add(object("a", 2026, spec(`,"size":1`)))
	f.Add(object("a", 0, `{"targetRef":{"kind":"Gateway"},"targetRefs":[{"name":5},{"name":"x"}],"size":"1"}`))
	f.Add(object("a", 9999, spec(`,"size":`+nested(100))))
	f.Add([]byte(`{"apiVersion":"example.com/v1","kind":"Thing","egraft.io/rejected":{"reason":"r","content":"c"}}`))
	kinds := []policy.Kind{kind()}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := policy.NewSet(kinds, [][]byte{raw})
		if err != nil {
			require.Zero(t, s.Len())
			return
		}
		require.True(t, json.Valid(raw))
		for _, o := range s.Of(gvk) {
			require.Equal(t, o.Err == nil, policy.As[thing](o) != nil, "either usable or with an error")
			c, err := o.Encode()
			require.Equal(t, o.Err == nil, err == nil)
			if err != nil {
				continue
			}
			restored, err := kinds[0].Decode(c)
			require.NoError(t, err)
			require.Equal(t, policy.As[thing](o).Spec.Size, policy.As[thing](restored).Spec.Size)
			require.Equal(t, o.FailurePolicy, restored.FailurePolicy)
		}
	})
}
