package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/builder"
)

// TestBuildFile: directories are relative to the file, and flags take precedence.
func TestBuildFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "build.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(`
egraft: ../egraft
image: a/b:c
platforms: [linux/arm64]
args: [--max-peers=3]
modules:
- {package: example.com/a, version: v1.0.0}
- {package: example.com/b, path: sub}
- {package: example.com/c, path: /abs}
`)
	f := buildFile{Image: "x/y:z", Modules: []builder.Module{{Package: "example.com/d"}}}
	require.NoError(t, f.add(file))
	require.Equal(t, buildFile{
		Egraft: filepath.Join(filepath.Dir(dir), "egraft"), Image: "x/y:z", Platforms: []string{"linux/arm64"}, Args: []string{"--max-peers=3"},
		Modules: []builder.Module{
			{Package: "example.com/a", Version: "v1.0.0"},
			{Package: "example.com/b", Path: filepath.Join(dir, "sub")},
			{Package: "example.com/c", Path: "/abs"},
			{Package: "example.com/d"},
		},
	}, f)

	f = buildFile{}
	write("egraft: v1.2.3\nmodules: []\n")
	require.NoError(t, f.add(file))
	require.Equal(t, "v1.2.3", f.Egraft)
	write("modules:\n- pakage: example.com/a\n")
	require.ErrorContains(t, f.add(file), file+`: error unmarshaling JSON: while decoding JSON: json: unknown field "pakage"`)
}

func TestBuildRejects(t *testing.T) {
	source, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, test := range []struct {
		args    []string
		environ []string
		code    int
		want    string
	}{
		{nil, nil, ExitUsage, "egraft: --with or --file is required: there is no module to build with\n"},
		{[]string{"--with", "-x"}, nil, ExitUsage, `egraft: --with: "-x" is not the import path of a Go package, such as example.com/hello` + "\n"},
		{[]string{"--file", "/missing.yaml"}, nil, ExitFailure, "egraft: open /missing.yaml: no such file or directory\n"},
		{[]string{"--with", "example.com/a", "--egraft", "nonsense"}, nil, ExitUsage, "egraft: --egraft nonsense is neither a version, such as v0.1.0, nor the directory of egraft's source\n"},
		{
			[]string{"--with", "example.com/a", "--egraft", source},
			[]string{"PATH=/missing"},
			ExitFailure,
			"egraft: build: the Go command is not in PATH: install Go 1.26 or later, see https://go.dev/doc/install\n",
		},
		{[]string{"--with", "example.com/a=/missing", "--egraft", source}, os.Environ(), ExitFailure, "egraft: build: example.com/a: /missing has no go.mod\n"},
		{[]string{"--with", "example.com/a", "--egraft", "v1.0.0", "--image", "A"}, os.Environ(), ExitFailure, `egraft: build: image "A" is not a repository with a tag, such as registry.example/egraft:v1` + "\n"},
	} {
		got := custom(t, test.environ, append([]string{"build", "--output-dir", t.TempDir()}, test.args...))
		require.Equal(t, test.code, got.code, test.want)
		require.Contains(t, got.stderr, test.want)
	}
}

// TestNew writes modules as far as possible without Go.
func TestNew(t *testing.T) {
	source, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "a")
	args := []string{"new", "policy", "hello-policy", "--output-dir", dir, "--egraft", source}
	got := custom(t, []string{"PATH=/missing"}, args)
	require.Equal(t, ExitFailure, got.code)
	require.Equal(t, "HelloPolicy is in "+dir+"\n"+
		"egraft: the module is written; run `go mod tidy` in it before its tests: the Go command is not in PATH: install Go 1.26 or later, see https://go.dev/doc/install\n", got.stderr)
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "module example.com/hello\n")
	require.Contains(t, string(mod), "replace github.com/egraft/egraft => \""+source+"\"\n")
	build, err := os.ReadFile(filepath.Join(dir, "build.yaml"))
	require.NoError(t, err)
	require.Contains(t, string(build), "egraft: \""+source+"\"\n")
	require.FileExists(t, filepath.Join(dir, ".github/workflows/test.yml"))

	for want, args := range map[string][]string{
		"egraft: write a module to " + dir + ": it is not empty\n":                                               args,
		"egraft: name \"buffer\" is already used by a built-in feature\n":                                        {"new", "policy", "buffer"},
		"egraft: egraft new filter takes one name, but got 0\n":                                                  {"new", "filter"},
		"egraft: unknown command \"gateway\" for \"egraft new\"\n":                                               {"new", "gateway", "x"},
		"egraft: --egraft /missing is neither a version, such as v0.1.0, nor the directory of egraft's source\n": {"new", "filter", "x", "--egraft", "/missing"},
	} {
		require.Contains(t, custom(t, nil, args).stderr, want)
	}
}

func TestLanguageVersion(t *testing.T) {
	for release, want := range map[string]string{"go1.27.3": "1.27.3", "go1.27.3 X:nodwarf5": "1.27.3", "devel go1.28-abc": "1.26.0"} {
		require.Equal(t, want, languageVersion(release))
	}
}
