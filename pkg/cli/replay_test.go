package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/replay"
)

// TestReplay starts egrafts as processes of this test binary.
func TestReplay(t *testing.T) {
	const recorded = "../features/backendmtls/testdata/federation"
	dir, environ := t.TempDir(), append(os.Environ(), asMain+"=1")
	same := egraft(t.Context(), environ, "replay", recorded, "--against", os.Args[0])
	require.Equal(t, ExitOK, same.code, same.stderr)
	require.Contains(t, same.stdout, "1 request: 1 identical, 0 different, 0 not deterministic\n\nslowest (before, after):\n  Translation: ")

	off := egraft(t.Context(), environ, "replay", recorded, "--against-flag", "--disable-features=backend-mtls")
	require.Equal(t, result{ExitFailure, off.stdout, "egraft: not all responses are identical\n"}, off)
	require.Contains(t, off.stdout, "1 request: 0 identical, 1 different, 0 not deterministic\n")
	require.Contains(t, off.stdout, "    - Cluster egraft/backend-mtls/")

	both := egraft(t.Context(), environ, "replay", recorded, "--disable-features=backend-mtls", "--against-flag", "--disable-features=backend-mtls", "-o", "json")
	require.Equal(t, ExitOK, both.code, both.stderr)
	var report struct {
		Version int
		replay.Report
	}
	require.NoError(t, json.Unmarshal([]byte(both.stdout), &report))
	require.Equal(t, []int{1, 1, 1}, []int{report.Version, report.Requests, report.Identical})

	// Settings of the recorded egraft apply to both.
	r, err := recording.Open(recorded)
	require.NoError(t, err)
	r.Settings = map[string]string{"fast-cluster-updates": "true", "eds-initial-fetch-timeout": "3s", "socket": "/run/else"}
	path := filepath.Join(dir, "r.tar.gz")
	require.NoError(t, r.Write(path))
	got := egraft(t.Context(), environ, "replay", path, "--against-flag", "--eds-initial-fetch-timeout=4s")
	require.Equal(t, result{ExitFailure, got.stdout, "egraft: not all responses are identical\n"}, got)
	require.Contains(t, got.stdout, `initial_fetch_timeout: "3s" -> "4s"`)

	two := egraft(t.Context(), environ, "replay", recorded, "--against-recording", "../features/backendmtls/testdata/two-agents")
	require.Equal(t, ExitFailure, two.code, two.stderr)
	require.Contains(t, two.stdout, "1 request: 0 identical, 1 different, 0 not deterministic\n")
}

func TestReplayWithout(t *testing.T) {
	const recorded = "../features/backendmtls/testdata/federation"
	environ := append(os.Environ(), asMain+"=1")
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{recorded}, ExitUsage, "nothing to compare with: use --against, --against-flag or --against-recording"},
		{[]string{recorded, "-o", "xml", "--against", "x"}, ExitUsage, `--output "xml" is not one of text, json`},
		{[]string{"nowhere", "--against", "x"}, ExitFailure, "read recording nowhere: no such file or directory"},
		{[]string{recorded, "--against", "/bin/false"}, ExitFailure, "start /bin/false: ended before it served: exit status 1"},
		{[]string{recorded, "--against-flag", "--unheard-of"}, ExitFailure, "unknown flag: --unheard-of"},
	} {
		got := egraft(t.Context(), environ, append([]string{"replay"}, test.args...)...)
		require.Equal(t, test.code, got.code, got.stderr)
		require.Contains(t, got.stderr, test.want)
	}
}
