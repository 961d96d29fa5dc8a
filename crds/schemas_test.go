package crds

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestExtends: a CRD extends that of this program if it has its fields and more, regardless of its
// rules.
func TestExtends(t *testing.T) {
	all, err := Schemas()
	require.NoError(t, err)
	text, err := os.ReadFile("egraft.io_bufferpolicies.yaml")
	require.NoError(t, err)
	const name, field = "bufferpolicies.egraft.io/v1alpha1", "\n              maxRequestBytes:\n"
	require.Contains(t, string(text), field)
	added := strings.Replace(string(text), field, "\n              another: {type: string}"+field, 1)
	for what, c := range map[string]struct {
		text string
		want map[string]string
	}{
		"the same":        {string(text), map[string]string{}},
		"another rule":    {strings.Replace(string(text), "4294967295", "4294967294", 1), map[string]string{}},
		"a field more":    {added, map[string]string{name: all[name]}},
		"one in a list":   {strings.Replace(string(text), "\n                    kind:\n", "\n                    another: {type: string}\n                    kind:\n", 1), map[string]string{name: all[name]}},
		"more and less":   {strings.Replace(added, field, "\n              other:\n", 1), map[string]string{}},
		"a field less":    {strings.Replace(string(text), field, "\n              other:\n", 1), map[string]string{}},
		"not served":      {strings.Replace(added, "served: true", "served: false", 1), map[string]string{}},
		"a CRD of others": {strings.Replace(added, "name: bufferpolicies.egraft.io", "name: others.example.com", 1), map[string]string{}},
	} {
		var crd map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(c.text), &crd), what)
		got, err := Extends(crd)
		require.NoError(t, err)
		require.Equal(t, c.want, got, what)
	}
}

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
