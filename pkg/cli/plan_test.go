package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
)

// planned runs egraft plan on the calls of internal/plan.
func planned(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var stdout, stderr output
	p := &program{features: catalog.Builtin, stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr}
	code := run(t.Context(), append([]string{"plan", "--recording", filepath.Join("..", "..", "internal", "plan", "testdata", "translation.yaml")}, args...), p)
	return result{code, stdout.String(), stderr.String()}
}

const plannedPolicy = `apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {name: p, namespace: shop}
spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: a}], maxRequestBytes: 1Mi}
`

func TestPlan(t *testing.T) {
	got := planned(t, plannedPolicy, "-f", "-")
	require.Equal(t, 2, got.code)
	require.Empty(t, got.stderr)
	require.Contains(t, got.stdout, "Plan: 0 to add, 2 to change, 0 to remove. Listeners that drain: 1. Clusters that warm: 0.\n")
	require.Contains(t, got.stdout, "BufferPolicy shop/p (shop/eg): Programmed: ")

	got = planned(t, strings.Replace(plannedPolicy, "spec: {", "spec: {effect: Shadow, ", 1), "-f", "-")
	require.Equal(t, 0, got.code, got.stderr)
	require.Contains(t, got.stdout, "No changes. Envoy's configuration does not change.\nBufferPolicy shop/p (shop/eg): Shadow: changes nothing; if it were enforced, it would be Programmed: ")

	got = planned(t, plannedPolicy, "-d", "-")
	require.Equal(t, result{0, "No changes. Envoy's configuration does not change.\nBufferPolicy shop/p: not sent: no call in the recording contains it, so there is nothing to delete\n", ""}, got)

	got = planned(t, plannedPolicy, "-f", "-", "-o", "json")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.stdout, `"impact": "1 of 1 filter chains drain`)

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(plannedPolicy), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README"), []byte("no policy"), 0o600))
	require.Equal(t, 2, planned(t, "", "-f", dir).code)
}

// TestPlanErrors: every error has exit code 1, because 2 means changes.
func TestPlanErrors(t *testing.T) {
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no files":     {"", nil, "egraft: --filename is missing: name files with custom resources to apply, or --delete\n"},
		"no such file": {"", []string{"-f", "none.yaml"}, "egraft: read file: open none.yaml: no such file or directory\n"},
		"not valid":    {"password: [", []string{"-f", "-"}, "egraft: -: document 1: is not valid YAML or JSON\n"},
		"output":       {"", []string{"-f", "-", "-o", "xml"}, "egraft: --output \"xml\" is not one of text, json, yaml\n"},
		"unknown flag": {"", []string{"--nope"}, "egraft: unknown flag: --nope\n"},
		"argument":     {"", []string{"file"}, "egraft: egraft plan takes no arguments, but got \"file\"\n"},
		"no recording": {plannedPolicy, []string{"-f", "-", "--recording", "none"}, "egraft: read recording none: no such file or directory\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := planned(t, test.stdin, test.args...)
			require.Equal(t, result{1, "", test.want}, got)
		})
	}
}

// TestPlanValidates uses a program instead of Envoy.
func TestPlanValidates(t *testing.T) {
	program := filepath.Join(t.TempDir(), "envoy")
	for name, test := range map[string]struct {
		script, want string
		code         int
	}{
		"accepts":       {"exit 0", "", 2},
		"crashes later": {`echo "configuration '$6' OK"; exit 139`, "", 2},
		"rejects":       {`grep -q filters.http.buffer "$6" && { printf 'no \033[31mfilter'; exit 1; }; exit 0`, "egraft: Gateway shop/eg: Envoy rejects the result: exit status 1: no \\x1b[31mfilter\n", 1},
		"rejects all":   {"echo no; exit 1", "egraft: Gateway shop/eg: Envoy rejects the result, and rejects what it has without the changes, too: exit status 1: no\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+test.script+"\n"), 0o700)) //nolint:gosec // a program
			got := planned(t, plannedPolicy, "-f", "-", "--validate-with", program)
			require.Equal(t, test.code, got.code)
			require.Equal(t, test.want, got.stderr)
		})
	}
}
