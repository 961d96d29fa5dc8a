package parts

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/progress"
)

// module writes a module with two packages, the second of which imports the first.
func module(t *testing.T, second string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "first"), 0o755))
	for name, content := range map[string]string{
		"go.mod": "module example.org/m\n\ngo 1.26\n", "first/first.go": "package first\n\nconst Text = \"" + dir + "\"\n", "main.go": second,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

func compile(t *testing.T, dir string) (compilation, *progress.Task) {
	t.Helper()
	task := progress.New(&bytes.Buffer{}).Task("build")
	t.Cleanup(func() { task.End() })
	return compilation{dir: dir, env: []string{"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"}, flags: []string{"-trimpath", noDWARF, "-ldflags", "-s -w"}, out: filepath.Join(dir, "out"), packages: []string{"."}, nice: 8}, task
}

// TestCompilationCountsPackages: the packages to compile are known in advance, and there are none
// after the build.
func TestCompilationCountsPackages(t *testing.T) {
	dir := module(t, "package main\n\nimport \"example.org/m/first\"\n\nfunc main() { println(first.Text) }\n")
	c, task := compile(t, dir)
	before, err := c.stale(t.Context())
	require.NoError(t, err)
	require.Contains(t, before, "example.org/m")
	require.Contains(t, before, "example.org/m/first")
	assert.Equal(t, int64(1+len("package first\n\nconst Text = \"\"\n")+len(dir)), before["example.org/m/first"])
	var log bytes.Buffer
	require.NoError(t, c.run(t.Context(), task, &log))
	assert.Empty(t, log.String())
	assert.FileExists(t, c.out)
	after, err := c.stale(t.Context())
	require.NoError(t, err)
	assert.NotContains(t, after, "example.org/m/first")
}

func TestCompilationSaysWhatTheCompilerSaid(t *testing.T) {
	c, task := compile(t, module(t, "package main\n\nfunc main() { no() }\n"))
	var log bytes.Buffer
	require.EqualError(t, c.run(t.Context(), task, &log), "go build .: exit status 1")
	assert.Contains(t, log.String(), "undefined: no")
}

func TestCounterKnowsPackages(t *testing.T) {
	var shown, log bytes.Buffer
	d := progress.New(&shown)
	task := d.Task("thing")
	task.Expect(2, 30, "packages", "linking")
	c := &counter{task: task, sizes: map[string]int64{"a/b": 10, "c": 20}, log: &log}
	for _, text := range []string{"a/", "b\nnot a package\nc", "\n# c\nc.go:1: wrong\n"} {
		_, err := c.Write([]byte(text))
		require.NoError(t, err)
	}
	assert.Equal(t, "not a package\n# c\nc.go:1: wrong\n", log.String())
	assert.Contains(t, task.String(), "thing: linking, ")
	task.End()
}
