package kindtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/process"
)

// answers are the shell scripts that stand-ins run after they have recorded their call.
type answers map[string]string

// usual returns a machine with all programs. It has a cluster of another user, whose name is
// similar to that of the tests.
func usual() answers {
	return answers{
		"docker":  ``,
		"kubectl": ``,
		"helm":    `echo v4.3.1`,
		"make":    ``,
		"go":      `printf 'EGRAFT_E2E=%s EGRAFT_E2E_KIND_DIR=%s egraft=%s\n' "$EGRAFT_E2E" "$EGRAFT_E2E_KIND_DIR" "${PATH%%:*}" >>"$CALLS"`,
		"kind": `case "$*" in
			"--quiet version") echo 0.33.0 ;;
			"--quiet get clusters") echo egraft-e2e-2 ;;
			"export logs "*) mkdir "$3" ;;
			esac`,
	}
}

// with replaces one script.
func (a answers) with(program, script string) answers {
	a[program] = script
	return a
}

// before runs a script in one call of kind, before the usual one.
func (a answers) before(call, script string) answers {
	return a.with("kind", `if [ "$1 $2" = "`+call+`" ]; then `+script+"\nfi\n"+a["kind"])
}

// without removes a program.
func (a answers) without(program string) answers {
	delete(a, program)
	return a
}

// patience is the timeout of a run. A stand-in that must be stopped would run for a minute.
const patience = 20 * time.Second

// machine is a machine on which scripts find only stand-ins and standard programs.
type machine struct {
	t     *testing.T
	dir   string
	calls string
}

// started is a running script.
type started struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

// note is the beginning of each stand-in. Calls with a cluster record its name and kubectl's
// configuration.
const note = `#!/bin/sh
echo "${0##*/} $*${KUBECONFIG:+ [$KIND_CLUSTER_NAME $KUBECONFIG]}" >>"$CALLS"
`

func newMachine(t *testing.T, a answers) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	m.calls = filepath.Join(m.dir, "calls")
	require.NoError(t, os.WriteFile(m.calls, nil, 0o644))
	for _, directory := range []string{"bin", "tmp"} {
		require.NoError(t, os.Mkdir(filepath.Join(m.dir, directory), 0o755))
	}
	for name, script := range a {
		require.NoError(t, os.WriteFile(filepath.Join(m.dir, "bin", name), []byte(note+script+"\n"), 0o755))
	}
	for _, name := range []string{"bash", "dirname", "find", "grep", "mkdir", "mktemp", "rm", "rmdir", "sleep"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.dir, "bin", name)))
	}
	return m
}

// start starts a script of the repository.
func (m *machine) start(script string, arguments ...string) *started {
	m.t.Helper()
	// A test that runs in the background ignores SIGINT, and programs that it starts would inherit
	// that.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	m.t.Cleanup(func() { signal.Stop(signals) })
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	m.t.Cleanup(cancel)
	s := &started{Cmd: exec.CommandContext(ctx, filepath.Join("../..", script), arguments...)}
	s.Env = []string{"PATH=" + filepath.Join(m.dir, "bin"), "CALLS=" + m.calls, "TMPDIR=" + filepath.Join(m.dir, "tmp"), "LC_ALL=C"}
	if user := os.Getenv(imageVariable); user != "" {
		s.Env = append(s.Env, imageVariable+"="+user)
	}
	s.Cmd.Stdout, s.Cmd.Stderr = &s.stdout, &s.stderr
	s.WaitDelay = 5 * time.Second // for processes that keep the script's output open, which is an error
	require.NoError(m.t, s.Start())
	return s
}

// run runs a script to its end and returns its exit code.
func (m *machine) run(script string, arguments ...string) (code int, s *started) {
	m.t.Helper()
	s = m.start(script, arguments...)
	return m.end(s), s
}

// end waits for the end of a script and of all processes that it started.
func (m *machine) end(s *started) int {
	m.t.Helper()
	err := s.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(m.t, err)
	}
	return s.ProcessState.ExitCode()
}

var random = regexp.MustCompile(`egraft-kind-\w{6}`)

// plain replaces the names of this run in a text.
func (m *machine) plain(text string) string {
	repository, err := filepath.Abs("../..")
	require.NoError(m.t, err)
	text = strings.ReplaceAll(text, filepath.Join(m.dir, "tmp"), "TMP")
	return strings.ReplaceAll(random.ReplaceAllString(text, "egraft-kind-X"), repository, "ROOT")
}

// called returns the calls of stand-ins so far, in order.
func (m *machine) called() []string {
	m.t.Helper()
	content, err := os.ReadFile(m.calls)
	require.NoError(m.t, err)
	return strings.FieldsFunc(m.plain(string(content)), func(r rune) bool { return r == '\n' })
}

// left returns the files that the script left in its directory for temporary files.
func (m *machine) left() []string {
	m.t.Helper()
	var out []string
	for _, depth := range []string{"*/*", "*/*/*"} {
		files, err := filepath.Glob(filepath.Join(m.dir, "tmp", depth))
		require.NoError(m.t, err)
		for _, file := range files {
			out = append(out, m.plain(file))
		}
	}
	return out
}

// waitCall waits until a stand-in was called.
func (m *machine) waitCall(call string) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	require.NoError(m.t, process.Poll(ctx, call, func(context.Context) error {
		if calls := strings.Join(m.called(), "\n"); !strings.Contains(calls, call) {
			return errors.New(calls)
		}
		return nil
	}))
}
