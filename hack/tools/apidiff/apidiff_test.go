package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// before is the recorded API.
const before = `package hello

import "time"

const Limit = 3

type Greeting interface{ Text() string }

type Options struct {
	Name   string
	hidden map[string]int
}

func (o *Options) Greet(t time.Time) Greeting { return nil }

type box[T any] struct{ Inside T }

func (b box[T]) Open() T { return b.Inside }

func Box() box[int] { return box[int]{} }
`

const recorded = `// The exported API of example.org/m/hello. Written by ` + "`make api`" + `, not to be edited.

package hello

import time "time"

const Limit = 3

func Box() box[int]

type Greeting interface {
	Text() string
}

type Options struct {
	Name string
	_    []struct{}
}

func (*Options) Greet(t time.Time) Greeting

type box[T any] struct {
	Inside T
}

func (box[T]) Open() T
`

const (
	noRelease = "# Changelog\n\n## [Unreleased]\n\n- something\n"
	released  = noRelease + "\n## 0.1.0\n\n- hello: Box: removed\n"
)

// lab is a module with the package hello, whose API is recorded.
type lab struct {
	t    *testing.T
	root string
}

func newLab(t *testing.T, changelog string) lab {
	l := lab{t, t.TempDir()}
	l.write("go.mod", "module example.org/m\n\ngo 1.26.0\n")
	l.write("CHANGELOG.md", changelog)
	l.write("hello/hello.go", before)
	code, _, stderr := l.apidiff("--write")
	require.Zero(t, code, stderr)
	return l
}

func (l lab) write(name, text string) {
	path := filepath.Join(l.root, name)
	require.NoError(l.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(l.t, os.WriteFile(path, []byte(text), 0o644))
}

func (l lab) record() string {
	text, err := os.ReadFile(filepath.Join(l.root, "docs/api/hello.txt"))
	require.NoError(l.t, err)
	return string(text)
}

// apidiff runs the command on all packages of the module.
func (l lab) apidiff(flags ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"--root", l.root, "./..."}, flags...), &out, &errs)
	return code, out.String(), errs.String()
}

func TestRecord(t *testing.T) {
	l := newLab(t, noRelease)
	require.Equal(t, recorded, l.record())
	code, stdout, stderr := l.apidiff()
	require.Zero(t, code)
	require.Empty(t, stdout+stderr)
}

const (
	purpose  = "apidiff: the exported API is not as recorded: if this is on purpose, run `make api` and commit docs/api\n"
	unlisted = "apidiff: the exported API is not as recorded: list the incompatible changes in CHANGELOG.md under Unreleased, then record the API:\n"
)

// TestChanges: how the check reports changes after a release.
func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		from, to       string
		stdout, stderr string
	}{
		"function added": {"const Limit = 3", "const Limit = 3\n\nfunc New() {}", "compatible: hello: New: added\n", purpose},
		"field added":    {"Name   string", "Name, Title string", "compatible: hello: Options.Title: added\n", purpose},
		"parameter renamed": {
			"Greet(t time", "Greet(at time",
			"compatible: hello: struct tags, names of parameters, or how the record is written\n", purpose,
		},
		"field removed":    {"Name   string", "", "incompatible: hello: Options.Name: removed\n", unlisted + "- hello: Options.Name: removed\n"},
		"constant changed": {"Limit = 3", "Limit = 4", "incompatible: hello: Limit: value changed from 3 to 4\n", unlisted + "- hello: Limit: value changed from 3 to 4\n"},
		"method of an interface added": {
			"Text() string", "Text() string; More() bool",
			"incompatible: hello: Greeting.More: added\n", unlisted + "- hello: Greeting.More: added\n",
		},
		"type of a parameter": {
			"t time.Time", "t time.Duration",
			"incompatible: hello: (*Options).Greet: changed from func(time.Time) Greeting to func(time.Duration) Greeting\n",
			unlisted + "- hello: (*Options).Greet: changed from func(time.Time) Greeting to func(time.Duration) Greeting\n",
		},
		"method of an unexported type": {
			"Open() T { return b.Inside }", "Shut() {}",
			"incompatible: hello: box[T].Open: removed\nincompatible: hello: box[int].Open: removed\n" +
				"compatible: hello: box[T].Shut: added\ncompatible: hello: box[int].Shut: added\n",
			unlisted + "- hello: box[T].Open: removed\n- hello: box[int].Open: removed\n",
		},
		"listed with an earlier release": {"func Box() box[int] { return box[int]{} }", "", "incompatible: hello: Box: removed\n", unlisted + "- hello: Box: removed\n"},
		"internals":                      {"hidden map[string]int", "hidden []string; more int", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, released)
			require.Contains(t, before, test.from)
			after := strings.Replace(before, test.from, test.to, 1)
			if !strings.Contains(after, "time.Time") {
				after = strings.Replace(after, "time.Time", "time.Duration", 1)
			}
			l.write("hello/hello.go", after)
			code, stdout, stderr := l.apidiff()
			require.Equal(t, test.stdout, stdout)
			require.Equal(t, test.stderr, stderr)
			require.Equal(t, test.stderr != "", code == 1)
			require.Equal(t, recorded, l.record(), "only --write writes")
		})
	}
}

// TestIncompatibleChangesAreListed: after a release, incompatible changes are recorded only if the
// changelog lists them.
func TestIncompatibleChangesAreListed(t *testing.T) {
	l := newLab(t, released)
	l.write("hello/hello.go", strings.Replace(before, "Limit = 3", "Limit = 4", 1))
	code, _, stderr := l.apidiff("--write")
	require.Equal(t, 1, code)
	require.Equal(t, unlisted+"- hello: Limit: value changed from 3 to 4\n", stderr)
	require.Equal(t, recorded, l.record())

	l.write("CHANGELOG.md", strings.Replace(released, "- something", "- `hello`: Limit: value changed from 3 to 4", 1))
	code, _, stderr = l.apidiff()
	require.Equal(t, 1, code)
	require.Equal(t, purpose, stderr)
	code, _, stderr = l.apidiff("--write")
	require.Zero(t, code, stderr)
	code, _, _ = l.apidiff()
	require.Zero(t, code)
	require.Equal(t, strings.Replace(recorded, "Limit = 3", "Limit = 4", 1), l.record())
}

// TestBeforeTheFirstRelease: changes must be recorded, and nothing else is required.
func TestBeforeTheFirstRelease(t *testing.T) {
	l := newLab(t, noRelease)
	l.write("hello/hello.go", strings.Replace(before, "Limit = 3", "Limit = 4", 1))
	code, stdout, stderr := l.apidiff()
	require.Equal(t, 1, code)
	require.Equal(t, "incompatible: hello: Limit: value changed from 3 to 4\n", stdout)
	require.Equal(t, purpose, stderr)
	code, _, _ = l.apidiff("--write")
	require.Zero(t, code)
}

func TestPackages(t *testing.T) {
	l := newLab(t, released)
	l.write("deep/deep.go", "package deep\n\nfunc Dive() {}\n")
	code, stdout, _ := l.apidiff()
	require.Equal(t, 1, code)
	require.Equal(t, "compatible: deep: package added\n", stdout)
	code, _, _ = l.apidiff("--write")
	require.Zero(t, code)

	require.NoError(t, os.RemoveAll(filepath.Join(l.root, "deep")))
	code, stdout, stderr := l.apidiff()
	require.Equal(t, 1, code)
	require.Equal(t, "incompatible: deep: package removed\n", stdout)
	require.Equal(t, unlisted+"- deep: package removed\n", stderr)
	l.write("CHANGELOG.md", strings.Replace(released, "- something", "- deep: package removed", 1))
	code, _, _ = l.apidiff("--write")
	require.Zero(t, code)
	require.NoFileExists(t, filepath.Join(l.root, "docs/api/deep.txt"))
}

// TestWhatTheRecordRefersTo: identifiers that the record refers to may have been removed. That
// counts as a change and does not prevent the comparison.
func TestWhatTheRecordRefersTo(t *testing.T) {
	l := newLab(t, noRelease)
	l.write("hello/hello.go", "package hello\n\nconst Limit = 3\n")
	code, stdout, _ := l.apidiff()
	require.Equal(t, 1, code)
	require.Equal(t, "incompatible: hello: Box: removed\nincompatible: hello: Greeting: removed\nincompatible: hello: Options: removed\n", stdout)
}

func TestNothingCanBeSaid(t *testing.T) {
	l := newLab(t, noRelease)
	l.write("hello/hello.go", "package hello\n\nfunc New() Nothing { return nil }\n")
	code, _, stderr := l.apidiff()
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "undefined: Nothing")
	l.write("hello/hello.go", before+"\nfunc New() {}\n")
	l.write("docs/api/hello.txt", "no Go code")
	code, _, stderr = l.apidiff()
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "read record: ")
	code, _, stderr = l.apidiff("--wrote")
	require.Equal(t, 2, code)
	require.Equal(t, "apidiff: unknown flag: --wrote\n", stderr)
}
