package page

import (
	"encoding/json"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/diff"
)

// TestLines: list items in values begin with a sign, too, but are not changes.
func TestLines(t *testing.T) {
	got, err := lines(&diff.Result{Changes: []diff.Change{
		{Op: diff.Changed, Path: "a", Old: json.RawMessage(`1`), New: json.RawMessage(`2`)},
		{Op: diff.Added, Path: "b", New: json.RawMessage(`["x"]`)},
		{Op: diff.Changed, Path: "c", Old: json.RawMessage(`{"k":["-"]}`), New: json.RawMessage(`"\u202e"`)},
	}})
	require.NoError(t, err)
	require.Equal(t, []line{
		{"changed", "~ a: 1 -> 2\n"},
		{"added", "+ b:\n"},
		{"added", "    - x\n"},
		{"changed", "~ c:\n"},
		{"removed", "    - k:\n"},
		{"removed", "    - - '-'\n"},
		{"added", "    + \\u202e\n"},
	}, got)
}

// TestAddresses: no name changes the target of a link, and each is preserved.
func TestAddresses(t *testing.T) {
	for _, name := range []string{"gateway/a/b", "javascript:alert(1)", "//evil.example", `/\evil.example`, "https://evil.example", "?a=b&subject=c#d", "..", "%2e%2e/", "a b+c"} {
		u, err := url.Parse(subjectAt(name).url)
		require.NoError(t, err)
		require.Equal(t, &url.URL{Path: "/explain", RawQuery: u.RawQuery}, u)
		require.Equal(t, url.Values{"subject": {name}}, u.Query())
		u, err = url.Parse(callAt(name).url)
		require.NoError(t, err)
		require.Equal(t, &url.URL{Path: "/api/v1/calls/" + name, RawPath: u.RawPath}, u)
	}
}

func TestTexts(t *testing.T) {
	require.Equal(t, "1 policy", count(1, "policy", "policies"))
	require.Equal(t, "0 policies", count(0, "policy", "policies"))
	require.Equal(t, []string{"16 MiB", "0 bytes", "3 GiB"}, []string{size(17_000_000), size(0), size(3 << 30)})
	for d, want := range map[time.Duration]string{0: "now", 59 * time.Second: "59 s ago", time.Hour: "1 h ago", 72 * time.Hour: "3 days ago", 90 * time.Second: "1 min ago"} {
		require.Equal(t, want, ago(d))
	}
}
