package parts

import (
	"bytes"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the copies of what pins the parts")

// copies maps the files below hack to their copies below pinned.
func copies() map[string]string {
	out := map[string]string{}
	for _, version := range EnvoyVersions {
		file := filepath.Join("tools", pinned(Envoy, version, EnvoyVersions), "requirements.txt")
		out[file] = file
	}
	for _, version := range EnvoyGatewayVersions {
		for _, pin := range []string{"go.mod", "go.sum"} {
			file := filepath.Join("tools", pinned(EnvoyGateway, version, EnvoyGatewayVersions), pin)
			out[file] = file + ".copy" // a directory with go.mod cannot be embedded
		}
	}
	return out
}

// TestPinned: each copy equals its file below hack, and there are no others.
func TestPinned(t *testing.T) {
	if *update {
		require.NoError(t, os.RemoveAll("pinned"))
	}
	wanted := map[string]bool{}
	for of, name := range copies() {
		want, err := os.ReadFile(filepath.Join("../../hack", of))
		require.NoError(t, err)
		file := filepath.Join("pinned", name)
		wanted[filepath.ToSlash(file)] = true
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, want, 0o644))
		}
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run `make generate`", file)
	}
	require.NoError(t, fs.WalkDir(embedded, "pinned", func(name string, entry fs.DirEntry, err error) error {
		require.True(t, *update || entry.IsDir() || wanted[name], name)
		return err
	}))
}

// TestReleaseStore: a part has the same key outside the repository as inside.
func TestReleaseStore(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	inside, err := NewStore(io.Discard)
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	for range 2 { // the second time, the pins exist
		outside, err := NewReleaseStore(io.Discard)
		require.NoError(t, err)
		require.Equal(t, inside.cache, outside.cache)
		for i, version := range EnvoyGatewayVersions {
			all := recipes(Versions{version, EnvoyVersions[i]})
			for _, name := range []Name{Envoy, EnvoyGateway} {
				want, err := inside.key(t.Context(), all[name])
				require.NoError(t, err)
				got, err := outside.key(t.Context(), all[name])
				require.NoError(t, err)
				require.Equal(t, want, got, "%s %s", name, version)
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(cache, "egraft/pins/*"))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestGetVersionRejects(t *testing.T) {
	s, _ := newStore(t)
	for _, version := range []string{"", "v1.9.1", "latest", "1.9", "1.9.1 --index-url=x", "1.9.1@main", "../1.9.1"} {
		_, err := s.GetVersion(t.Context(), EnvoyGateway, version)
		require.EqualError(t, err, "envoy-gateway has no version \""+version+"\": write it as "+EnvoyGatewayVersions[0])
	}
	_, err := s.GetVersion(t.Context(), Helm, "4.0.0")
	require.EqualError(t, err, "helm has one version only")
}

// TestGetVersionTakesAnExistingProgram: the environment variable has precedence over the version.
func TestGetVersionTakesAnExistingProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, nil, 0o755))
	t.Setenv("EGRAFT_ENVOY_GATEWAY", program)
	s, out := newStore(t)
	path, err := s.GetVersion(t.Context(), EnvoyGateway, "1.2.3")
	require.NoError(t, err)
	require.Equal(t, program, path)
	require.Empty(t, strings.TrimSpace(string(bytes.TrimSpace(out.Bytes()))))
}
