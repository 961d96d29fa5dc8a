package v1alpha1_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

func TestEffect(t *testing.T) {
	for text, want := range map[string]v1alpha1.Effect{`""`: "", `"Enforce"`: v1alpha1.EffectEnforce, `"Shadow"`: v1alpha1.EffectShadow} {
		var e v1alpha1.Effect
		require.NoError(t, json.Unmarshal([]byte(text), &e))
		require.Equal(t, want, e)
	}
	var e v1alpha1.Effect
	require.EqualError(t, json.Unmarshal([]byte(`"shadow"`), &e), `effect "shadow" must be Enforce or Shadow`)
}
