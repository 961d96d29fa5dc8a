package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const example = "# Title\n\n```console\n$ one \\\n    --flag\noutput of one\n$ two\n```\n\n```yaml\n$ not: a command\n```\n$ nor this\n\n```console kind node\n$ cat <<'END'\nText\nEND\nafter\n```\n"

func TestCommands(t *testing.T) {
	assert.Equal(t, []Command{
		{Line: 4, Text: "one \\\n    --flag", For: []string{}},
		{Line: 7, Text: "two", For: []string{}},
		{Line: 16, Text: "cat <<'END'\nText\nEND", For: []string{"kind", "node"}},
	}, Commands(example))
}

func TestRunStopsAtTheFirstFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.md")
	content := "```console\n$ export WHOM=you; sleep 60 &\n$ echo $WHO $WHOM > 'first'\n$ cat nowhere | cat\n$ touch last\n```\n```console elsewhere\n$ touch elsewhere\n```\n"
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	output, err := os.Create(filepath.Join(dir, "output"))
	require.NoError(t, err)
	defer output.Close()
	r := &Runner{Environment: "here", Dir: dir, Environ: []string{"WHO=me", "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}, Output: output}
	require.EqualError(t, r.Run(t.Context(), path), path+": exit status 1, see the end of "+output.Name())
	printed, err := os.ReadFile(output.Name())
	require.NoError(t, err)
	assert.Equal(t, "line 2: $ export WHOM=you; sleep 60 &\nline 3: $ echo $WHO $WHOM > 'first'\nline 4: $ cat nowhere | cat\n"+
		"cat: nowhere: No such file or directory\n", string(printed))
	first, err := os.ReadFile(filepath.Join(dir, "first"))
	require.NoError(t, err)
	assert.Equal(t, "me you\n", string(first))
	assert.NoFileExists(t, filepath.Join(dir, "last"))
	assert.NoFileExists(t, filepath.Join(dir, "elsewhere"))
}

func TestAPageWithoutCommandsIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(path, []byte("```console kind\n$ true\n```\n"), 0o644))
	assert.EqualError(t, (&Runner{Environment: "node"}).Run(t.Context(), path), path+" has no commands for node")
}
