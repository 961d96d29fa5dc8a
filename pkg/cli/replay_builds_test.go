package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestReplayAgainstAnotherBuild compares egraft with a program that has one more feature: the
// report names the resource and the field that it adds, and calls that it does not change are
// identical.
func TestReplayAgainstAnotherBuild(t *testing.T) {
	const example = "../../examples/custom-mutator"
	other := filepath.Join(t.TempDir(), "other")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", other, ".")
	build.Dir = example
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	environ := append(os.Environ(), asMain+"=1")
	got := egraft(t.Context(), environ, "replay", example+"/gatewayheader/testdata/default/adds-header", "--against", other)
	require.Equal(t, result{ExitFailure, got.stdout, "egraft: not all responses are identical\n"}, got)
	report, _, _ := strings.Cut(got.stdout, "\nslowest")
	require.Equal(t, `1 request: 0 identical, 1 different, 0 not deterministic

different:
  VirtualHost default/eg/http/www_example_com
    ~ VirtualHost default/eg/http/www_example_com
        + response_headers_to_add:
            - append_action: OVERWRITE_IF_EXISTS_OR_ADD
              header:
                key: x-gateway
                value: default/eg
`, report)

	same := egraft(t.Context(), environ, "replay", "../features/backendmtls/testdata/federation", "--against", other)
	require.Equal(t, ExitOK, same.code, same.stdout+same.stderr)
}
