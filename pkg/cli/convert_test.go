package cli

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
)

// converted runs `egraft convert`.
func converted(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{features: catalog.Builtin, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs}
	code = run(t.Context(), append([]string{"convert"}, args...), p)
	return code, out.String(), errs.String()
}

const (
	patches     = "testdata/convert/patches.yaml"
	convertDump = "testdata/render/dump.json"
)

// TestConvertPage: docs/convert.md shows what the command prints.
func TestConvertPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/convert.md")
	require.NoError(t, err)
	code, stdout, stderr := converted(t, "", patches, "--config-dump", convertDump)
	assert.Equal(t, 2, code)
	_, example, found := strings.Cut(string(page), "$ egraft convert patches.yaml --config-dump dump.json\n")
	require.True(t, found)
	example, _, _ = strings.Cut(example, "```")
	parts := strings.Split(strings.Trim(example, "…\n"), "…\n")
	require.Len(t, parts, 2)
	assert.Contains(t, stdout, parts[0])
	assert.Contains(t, stderr, parts[1])
	assert.Contains(t, stderr, "set --namespace-rules 'namespaces=default;filters=lua namespaces=*'\n")
	assert.Contains(t, stderr, "not converted: 1 operation\n")
	assert.NotContains(t, stdout+stderr, "c2VjcmV0", "what cannot be converted may be secret")
}

// TestConvertCodes: exit codes and errors.
func TestConvertCodes(t *testing.T) {
	text, err := os.ReadFile(patches)
	require.NoError(t, err)
	simple := strings.Split(string(text), "  - type: type.googleapis.com/envoy.config.route")[0]
	for name, c := range map[string]struct {
		stdin  string
		args   []string
		code   int
		stderr string
	}{
		"all converted":   {simple, []string{"--config-dump", convertDump}, 0, ""},
		"by name":         {simple, []string{"-"}, 0, ""},
		"granted":         {string(text), []string{"--config-dump", convertDump, "--namespace-rules", "namespaces=*;filters=lua"}, 2, "not converted: 1 operation\n"},
		"no such file":    {"", []string{"nothing.yaml"}, 1, "egraft: read file: open nothing.yaml: no such file or directory\n"},
		"not YAML":        {"a: [", nil, 1, "egraft: -: document 1: is not valid YAML or JSON\n"},
		"no object":       {"a: b", nil, 1, "egraft: -: document 1: is not a Kubernetes object: it must have apiVersion and kind\n"},
		"another kind":    {"{apiVersion: v1, kind: Service, spec: 3}", nil, 1, "skipped 1 object that are not EnvoyPatchPolicies\negraft: -: has no EnvoyPatchPolicy\n"},
		"no dump":         {simple, []string{"--config-dump", patches}, 1, "egraft: testdata/convert/patches.yaml: is not a config dump: take one from /config_dump of an Envoy that Envoy Gateway configures\n"},
		"no recording":    {simple, []string{"--recording", "nothing"}, 1, "egraft: read recording nothing: no such file or directory\n"},
		"unknown flag":    {"", []string{"--nothing"}, 1, "egraft: unknown flag: --nothing\n"},
		"a recorded call": {simple, []string{"--recording", "testdata/explain/calls.yaml"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := converted(t, c.stdin, c.args...)
			assert.Equal(t, c.code, code, stderr)
			if c.code != 0 && c.stderr != "" {
				assert.Contains(t, stderr, c.stderr)
			}
		})
	}
}
