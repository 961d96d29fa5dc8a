package playback

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRecordingIsOfTheReleaseThatIsBuilt: the recording is of the release that the demo builds.
func TestRecordingIsOfTheReleaseThatIsBuilt(t *testing.T) {
	pins, err := os.ReadFile("../../hack/tools/envoy-gateway/go.mod")
	require.NoError(t, err)
	assert.Contains(t, strings.Fields(string(pins)), EnvoyGateway,
		"record again, and name the release: go test -tags e2e ./e2e -run '^TestRecordedCalls$' -update-recorded")
	assert.Contains(t, string(pins), "github.com/envoyproxy/gateway "+EnvoyGateway+" ")
}

// TestOpenPutsTheDirectoryInPlace: the calls refer to the environment in which they are played.
func TestOpenPutsTheDirectoryInPlace(t *testing.T) {
	dir := t.TempDir()
	chosen, err := open(dir)
	require.NoError(t, err)
	assert.Empty(t, chosen.before.Objects)
	require.Len(t, chosen.with.Objects, 1)
	assert.Contains(t, string(chosen.with.Objects[0]), filepath.Join(dir, "agent.sock"))
	assert.NotContains(t, string(chosen.with.Objects[0]), runDir)
}

// TestKeptIsNormalized: the files equal the output of [Normalized], so nothing in them differs each
// time.
func TestKeptIsNormalized(t *testing.T) {
	normalized, err := Normalized(kept, runDir)
	require.NoError(t, err)
	files, err := Kept()
	require.NoError(t, err)
	assert.Equal(t, files, normalized)
	assert.Len(t, files, 3)
	for name, content := range files {
		assert.NotContains(t, content, `"took"`, name)
		assert.NotContains(t, content, "created", name)
	}
}
