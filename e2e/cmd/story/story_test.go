package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/acts"
	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/printer"
	"github.com/egraft/egraft/e2e/standalone"
)

func TestUnknownAct(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 2, run([]string{"-act", "second"}, &stdout, &stderr))
	assert.Equal(t, "story: -act second: want recorded or real\n", stderr.String())
}

// TestRecordedSteps: the demo numbers the steps of both acts.
func TestRecordedSteps(t *testing.T) {
	assert.Len(t, (&story{}).recordedSteps(), acts.RecordedSteps)
}

// TestREADMEShowsTheSteps: the README shows the steps of a first run: one in which the demo obtains
// what the recorded steps need, the recorded steps, one in which it builds the rest, and the real
// steps.
func TestREADMEShowsTheSteps(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	s := &story{}
	titles := map[int]string{}
	for i, each := range s.recordedSteps() {
		titles[2+i] = each.what
	}
	for i, each := range s.realSteps() {
		titles[3+acts.RecordedSteps+i] = each.what
	}
	shown := 0
	for _, line := range regexp.MustCompile(`(?m)^(\d+)\. (.*)$`).FindAllStringSubmatch(string(readme), -1) {
		number, err := strconv.Atoi(line[1])
		require.NoError(t, err)
		if title, ok := titles[number]; ok {
			assert.Equal(t, title, line[2], line[1])
			shown++
		}
	}
	assert.Greater(t, shown, 4)
}

func TestExitCodes(t *testing.T) {
	s := &story{Printer: printer.New(&bytes.Buffer{}, false)}
	var stderr bytes.Buffer
	assert.Equal(t, 1, s.failed(t.Context(), &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: step 4: no\n", stderr.String())
	stderr.Reset()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)
	assert.Equal(t, 130, s.failed(ctx, &stderr, errors.New("step 4: no")))
	assert.Equal(t, "\ndemo: interrupted\n", stderr.String())
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
