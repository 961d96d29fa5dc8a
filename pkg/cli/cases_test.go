package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// recordedCalls are calls of a real Envoy Gateway.
const recordedCalls = "../../e2e/playback/testdata"

// TestCases: internal/cases runs the conformance kit on such cases.
func TestCases(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "testdata")
	got := egraft(t.Context(), nil, "cases", recordedCalls, dir, "--feature", "backend-mtls", "--only-changed")
	require.Equal(t, ExitOK, got.code, got.stderr)
	require.Equal(t, filepath.Join(dir, "default-eg-programmed")+": calls: 1, resources: 3\n", got.stdout)
	for _, name := range []string{"in.yaml", "out.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, "default-eg-programmed", name))
		require.NoError(t, err)
		require.Contains(t, string(text), "httproute/default/")
	}
	again := egraft(t.Context(), nil, "cases", recordedCalls, dir, "--feature", "backend-mtls")
	require.Equal(t, ExitFailure, again.code)
	require.Equal(t, "egraft: write cases: "+filepath.Join(dir, "default-eg-programmed")+" exists: remove it, or name another directory\n", again.stderr)
}

func TestCasesErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "testdata")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{recordedCalls, dir}, ExitUsage, "egraft: --feature is missing; it can be "},
		{[]string{recordedCalls, dir, "--feature", "x"}, ExitUsage, `egraft: --feature "x" is not one of `},
		{[]string{recordedCalls, dir, "--feature", "backend-mtls", "--disable-features", "backend-mtls"}, ExitUsage, `egraft: --feature "backend-mtls" is not one of `},
		{[]string{recordedCalls, dir, "--feature", "buffer"}, ExitFailure, "egraft: make cases of ../../e2e/playback/testdata: in the recorded calls, the feature does nothing: buffer\n"},
		{[]string{"no-such-file", dir, "--feature", "buffer"}, ExitFailure, "egraft: read recording no-such-file: no such file or directory\n"},
	} {
		got := egraft(t.Context(), nil, append([]string{"cases"}, test.args...)...)
		require.Equal(t, test.code, got.code, test.args)
		require.Contains(t, got.stderr, test.want)
	}
	_, err := os.Stat(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
}
