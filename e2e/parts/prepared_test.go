package parts

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPreparedKnowsWhatWasRemembered(t *testing.T) {
	t.Setenv(variableOf("thing"), "") // restored at the end
	_, err := Prepared("thing")
	require.EqualError(t, err, "the path of thing is not known: it has to be prepared before the test enters a network namespace")
	require.NoError(t, Remember("thing", "/bin/thing"))
	programs, err := Prepared("thing")
	require.NoError(t, err)
	assert.Equal(t, map[Name]string{"thing": "/bin/thing"}, programs)
}

func TestFound(t *testing.T) {
	root := t.TempDir()
	_, err := found(root, "libthing.a")
	require.EqualError(t, err, "no package has libthing.a")
	directory := filepath.Join(root, "usr/lib/x86_64-linux-gnu")
	require.NoError(t, os.MkdirAll(directory, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(directory, "libthing.a"), nil, 0o644))
	path, err := found(root, "libthing.a")
	require.NoError(t, err)
	assert.Equal(t, directory, path)
}

// TestOwnSourcesArePins: inputs of a program other than its module are part of its key.
func TestOwnSourcesArePins(t *testing.T) {
	assert.Contains(t, recipes(Versions{EnvoyGatewayVersions[0], EnvoyVersion})[CoreDNS].pins, "main.go")
}

// TestEveryRecipeHasAVariable: every recipe can be replaced by an existing program, with its own
// variable.
func TestEveryRecipeHasAVariable(t *testing.T) {
	seen := map[string]Name{}
	for name, r := range recipes(Versions{EnvoyGatewayVersions[0], EnvoyVersion}) {
		assert.Regexp(t, "^EGRAFT_[A-Z_]+$", r.variable, name)
		assert.Empty(t, seen[r.variable], "%s has the variable of another part", name)
		seen[r.variable] = name
	}
}
