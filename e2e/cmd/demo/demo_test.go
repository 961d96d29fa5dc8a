package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/acts"
)

func TestUsage(t *testing.T) {
	cases := []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"--help"}, 0, usage, ""},
		{[]string{"-h"}, 0, usage, ""},
		{[]string{"-spiffe", "real"}, 2, "", "demo: -spiffe real: want dev or spire\n\n" + usage},
		{[]string{"-kep"}, 2, "", "demo: flag provided but not defined: -kep\n\n" + usage},
		{[]string{"now"}, 2, "", "demo: unexpected argument \"now\"\n\n" + usage},
	}
	for _, c := range cases {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, c.code, run(c.args, &stdout, &stderr))
			assert.Equal(t, c.stdout, stdout.String())
			assert.Equal(t, c.stderr, stderr.String())
		})
	}
}

// TestFirstStepFails: the error of a part is reported immediately, with the step, before anything
// is started.
func TestFirstStepFails(t *testing.T) {
	t.Setenv("EGRAFT_ENVOY", "/no/such/envoy")
	t.Setenv("EGRAFT_ENVOY_GATEWAY", os.Args[0])
	t.Setenv(acts.BeganVariable, "")
	for _, args := range [][]string{nil, {"-recorded"}} {
		var stdout, stderr bytes.Buffer
		assert.Equal(t, 1, run(args, &stdout, &stderr))
		assert.Equal(t, "\ndemo: step 1: EGRAFT_ENVOY: stat /no/such/envoy: no such file or directory\n", stderr.String())
		assert.NotContains(t, stdout.String(), "2. ")
		assert.NotContains(t, stdout.String(), "ok (")
	}
}

func TestExitCodes(t *testing.T) {
	var stderr bytes.Buffer
	assert.Equal(t, 0, failed(t.Context(), &stderr, nil))
	assert.Equal(t, 3, failed(t.Context(), &stderr, exited(3)))
	assert.Empty(t, stderr.String(), "the story said why")
	assert.Equal(t, 1, failed(t.Context(), &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: step 4: no\n", stderr.String())
	stderr.Reset()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	assert.Equal(t, 130, failed(ctx, &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: interrupted\n", stderr.String())
}

// TestTell: the demo exits with the story's exit code, and interrupting the demo interrupts the
// story.
func TestTell(t *testing.T) {
	program := filepath.Join(t.TempDir(), "story")
	script := "#!/bin/sh\ntrap 'echo interrupted; exit 130' INT\necho told $*\n[ $1 = wait ] || exit $1\nwhile :; do sleep 0.01; done\n"
	require.NoError(t, os.WriteFile(program, []byte(script), 0o755))
	var out bytes.Buffer
	require.NoError(t, tell(t.Context(), program, &out, &out, "0"))
	assert.Equal(t, exited(7), tell(t.Context(), program, &out, &out, "7"))
	assert.Equal(t, "told 0\ntold 7\n", out.String())

	ctx, cancel := context.WithCancel(t.Context())
	assert.Equal(t, exited(130), tell(ctx, program, cancelOnWrite(cancel), &out, "wait"))
	assert.ErrorContains(t, tell(t.Context(), program+"2", &out, &out), "tell the story: fork/exec ")
}

type cancelOnWrite func()

func (c cancelOnWrite) Write(p []byte) (int, error) {
	c()
	return len(p), nil
}
