package standalone

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestTail(t *testing.T) {
	cases := map[string]struct {
		content, want string
		lines         int
	}{
		"fewer":      {"a\nb\n", "a\nb", 5},
		"as many":    {"a\nb\n", "a\nb", 2},
		"more":       {"a\nb\nc\n", "b\nc", 2},
		"without \n": {"a\nb", "b", 1},
		"empty":      {"", "", 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, string(tail([]byte(c.content), c.lines))) })
	}
}

func TestConfigureMergesTheExtensionManager(t *testing.T) {
	dir := t.TempDir()
	path, err := configure(dir, []byte("extensionManager: {failOpen: false}\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(content, &got))
	assert.Contains(t, got, "provider")
	assert.Equal(t, map[string]any{"failOpen": false}, got["extensionManager"])
}

func TestPlaceGivesAProgramAPathOfItsOwn(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("binary"), 0o755))
	placed := filepath.Join(t.TempDir(), "bin", "other")
	require.NoError(t, place(program, placed))
	info, err := os.Lstat(placed)
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular(), "a symbolic link would show the first path")
}

func TestPreparedNeedsPrepare(t *testing.T) {
	for _, name := range []string{"egraft", "echo", "envoy", "envoy-gateway"} {
		t.Setenv("EGRAFT_E2E_PROGRAM_"+name, "")
	}
	_, err := prepared(Dev, "")
	assert.EqualError(t, err, "the path of egraft is not known: it has to be prepared before the test enters a network namespace")
}
