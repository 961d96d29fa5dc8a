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
	path, err := configure(dir, nil, []byte("extensionManager: {failOpen: false}\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(content, &got))
	assert.Contains(t, got, "provider")
	assert.Equal(t, map[string]any{"failOpen": false}, got["extensionManager"])
}

func TestConfigureAddsRuntimeFlags(t *testing.T) {
	dir := t.TempDir()
	path, err := configure(dir, []string{"A", "B"}, []byte("runtimeFlags: {enabled: [B, C], disabled: [D]}\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(content, &got))
	assert.Equal(t, map[string]any{"enabled": []any{"B", "C", "A"}, "disabled": []any{"D"}}, got["runtimeFlags"])
	_, err = configure(dir, []string{"A"}, []byte("runtimeFlags: A\n"))
	require.EqualError(t, err, "merge the configuration of Envoy Gateway: runtimeFlags is A")
}

func TestChoose(t *testing.T) {
	t.Setenv("EGRAFT_E2E_ENVOY", "1.40.0")
	t.Setenv(RuntimeFlagsVariable, "A,B")
	t.Setenv(MergeGatewaysVariable, "true")
	t.Setenv(MergeBackendsVariable, "false")
	flags := []string{"B", "C"}
	o := Options{RuntimeFlags: flags, MergeBackends: true}
	require.NoError(t, o.choose())
	assert.Equal(t, Options{RuntimeFlags: []string{"B", "C", "A"}, MergeGateways: true, MergeBackends: true, envoyVersion: "1.40.0"}, o)
	assert.Equal(t, []string{"B", "C"}, flags)
	t.Setenv(MergeGatewaysVariable, "maybe")
	require.EqualError(t, (&Options{}).choose(), `EGRAFT_E2E_MERGE_GATEWAYS is "maybe"; it can be true or false`)
	t.Setenv("EGRAFT_E2E_ENVOY_GATEWAY", "1.8")
	require.EqualError(t, (&Options{}).choose(), `EGRAFT_E2E_ENVOY_GATEWAY is "1.8"; it can be 1.9.1, 1.9.0, 1.8.0, 1.7.0`)
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
	_, err := prepared(Options{SPIFFE: Dev})
	assert.EqualError(t, err, "the path of egraft is not known: it has to be prepared before the test enters a network namespace")
}
