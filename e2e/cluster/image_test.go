package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnvoyReferences(t *testing.T) {
	byTag, byDigest := envoyReferences()
	assert.Regexp(t, `^docker\.io/envoyproxy/envoy:distroless-v\d+\.\d+\.\d+$`, byTag)
	assert.Regexp(t, `^docker\.io/envoyproxy/envoy@sha256:[0-9a-f]{64}$`, byDigest)
}

// TestStage: an image has its programs with the libraries that they need, and directories that
// other users can write to.
func TestStage(t *testing.T) {
	shell, err := filepath.EvalSymlinks("/bin/sh")
	require.NoError(t, err)
	root := filepath.Join(t.TempDir(), "root")
	i := image{files: map[string]string{"bin/shell": shell}, directories: []string{"var/lib/eg"}}
	require.NoError(t, i.stage(t.Context(), root))
	wanted, err := libraries(t.Context(), shell)
	require.NoError(t, err)
	for _, path := range append(wanted, "bin/shell", "etc/passwd") {
		assert.FileExists(t, filepath.Join(root, path), path)
	}
	assert.DirExists(t, filepath.Join(root, "var/lib/eg"))
	info, err := os.Stat(filepath.Join(root, "tmp"))
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|os.ModeSticky|0o777, info.Mode())
}

func TestLibrariesOfAMissingProgram(t *testing.T) {
	_, err := libraries(t.Context(), filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
