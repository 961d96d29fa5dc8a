package crds

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestSchemas(t *testing.T) {
	all, err := Schemas()
	require.NoError(t, err)
	require.Len(t, all, len(definitions(t)))
	require.Contains(t, all, "backendmtlspolicies.egraft.io/v1alpha1")

	text, err := os.ReadFile("egraft.io_bufferpolicies.yaml")
	require.NoError(t, err)
	hash := func(text string) string {
		var crd map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &crd))
		of, err := SchemasOf(crd)
		require.NoError(t, err)
		return of["bufferpolicies.egraft.io/v1alpha1"]
	}
	require.Equal(t, all["bufferpolicies.egraft.io/v1alpha1"], hash(string(text)))
	require.NotEqual(t, hash(string(text)), hash(strings.Replace(string(text), "4294967295", "4294967294", 1)))
	require.Empty(t, hash(strings.Replace(string(text), "served: true", "served: false", 1)), "a version that is not served")
}
