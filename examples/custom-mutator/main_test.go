package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asMain makes the test binary run as the program.
const asMain = "CUSTOM_MUTATOR_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// program runs a command of the program, and returns its output and exit code.
func program(t *testing.T, environ []string, args ...string) (printed string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(environ, asMain+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestVersionNamesTheModule(t *testing.T) {
	printed, code := program(t, nil, "version")
	require.Zero(t, code, printed)
	require.Regexp(t, `\nfeature gateway-header github\.com/egraft/egraft/examples/custom-mutator \S+\n$`, printed)
}

func TestSettingsAreFlags(t *testing.T) {
	printed, code := program(t, nil, "serve", "--help")
	require.Zero(t, code, printed)
	words := strings.Join(strings.Fields(printed), " ")
	require.Contains(t, words, `--gateway-header-name header name of the response header that names the Gateway, in lower case (default x-gateway)`)
}

// TestDocumentedFile checks the file of the README as an operator would.
func TestDocumentedFile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	require.True(t, found)
	file := filepath.Join(t.TempDir(), "egraft.yaml")
	require.NoError(t, os.WriteFile(file, []byte(example), 0o600))
	printed, code := program(t, nil, "config", "check", "--config", file)
	require.Zero(t, code, printed)

	wrong := strings.NewReplacer("name: ", "header: ", "short: true", `short: "yes"`).Replace(example)
	require.NotEqual(t, example, wrong)
	require.NoError(t, os.WriteFile(file, []byte(wrong), 0o600))
	printed, code = program(t, []string{"EGRAFT_GATEWAY_HEADER_NAME=X Gateway"}, "config", "check", "--config", file)
	require.Equal(t, 2, code)
	require.Equal(t, "egraft: 3 settings are invalid:\n"+
		"  features.gateway-header.short: Invalid value: \"yes\": must be true or false\n"+
		"  features.gateway-header.header: Forbidden: unknown field\n"+
		"  EGRAFT_GATEWAY_HEADER_NAME: Invalid value: \"X Gateway\": must be the name of a header in lower case, like \"x-gateway\"\n"+
		"See `egraft config check --help`.\n", printed)
}

func TestSettingsTogether(t *testing.T) {
	printed, code := program(t, nil, "config", "check", "--gateway-header-short")
	require.Equal(t, 2, code)
	require.Equal(t, "egraft: features.gateway-header: Invalid value: short needs exactly one of namespaces, but there are 0: "+
		"Gateways of two can have the same name\nSee `egraft config check --help`.\n", printed)
}
