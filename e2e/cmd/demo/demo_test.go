package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
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

// TestFirstStepFails: what is wrong with a part is said at once, with the step,
// before anything is started.
func TestFirstStepFails(t *testing.T) {
	t.Setenv("EGRAFT_ENVOY", "/no/such/envoy")
	t.Setenv(beganVariable, "")
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(nil, &stdout, &stderr))
	assert.Equal(t, "\ndemo: step 1: EGRAFT_ENVOY: stat /no/such/envoy: no such file or directory\n", stderr.String())
	assert.NotContains(t, stdout.String(), "2. ")
}

func TestExitCodes(t *testing.T) {
	s := &story{printer: newPrinter(&bytes.Buffer{})}
	var stderr bytes.Buffer
	assert.Equal(t, 1, s.failed(t.Context(), &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: step 4: no\n", stderr.String())
	stderr.Reset()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	assert.Equal(t, 130, s.failed(ctx, &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: interrupted\n", stderr.String())
}

func TestPrinterIsPlainUnlessOnATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	assert.NoError(t, err)
	assert.False(t, newPrinter(file).colour)
	assert.NoError(t, file.Close())

	var out bytes.Buffer
	p := newPrinter(&out)
	p.title("title")
	p.step(2, "what", "why")
	p.say("%d of %d", 1, 2)
	p.block("a\n  b\n")
	_, err = p.Write([]byte("progress\n"))
	assert.NoError(t, err)
	p.started = time.Now()
	p.done()
	assert.Equal(t, "title\n\n2. what\n   why\n   1 of 2\n   | a\n   |   b\n   progress\n   ok (0.0 s)\n", out.String())
}

func TestReason(t *testing.T) {
	line := "2026-11-23T03:39:21.786Z echo.example.com 503 UF local=- failure=TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_match:TLS_error_end"
	assert.Equal(t, "CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_SAN_match", reason(line))
}

func TestShown(t *testing.T) {
	line := standalone.Line{"time": "now", "level": "INFO", "msg": "configuration changed", "applied": 2}
	assert.Equal(t, "configuration changed\napplied: 2\n", shortLine(line))
	assert.Len(t, line, 4, "the line itself has to stay")
	answer := &echo.Answer{Peer: "spiffe://example.org/envoy", Headers: map[string]string{"X-Envoy": "1"}}
	assert.NotContains(t, shortAnswer(answer), "headers")
	assert.Contains(t, shortAnswer(answer), `"peer": "spiffe://example.org/envoy"`)
	assert.Equal(t, envoy.Cluster{"name": "a"}, only(envoy.Cluster{"name": "a", "type": "EDS"}, "name", "other"))
}
