package architecture

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// checks maps the name of each check to its function, which returns the violations.
var checks = map[string]func([]file) []string{
	"direction of imports": directions,
	"bans":                 banned,
	"package comments":     uncommented,
	"sizes":                oversized,
	"facts":                statedTwice,
}

func TestModule(t *testing.T) {
	files, err := load(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.Greater(t, len(files), 50, "this is not the module")
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			for _, broken := range sorted(check(files)) {
				t.Error(broken)
			}
		})
	}
}

// TestFixturesAreRejected: each fixture is a module of its own that breaks exactly one rule.
func TestFixturesAreRejected(t *testing.T) {
	const (
		anywhere    = "a mutator answers from its input alone: a file, a connection or an API server may hang or fail in the middle of Envoy Gateway's translation"
		alwaysEqual = "the same input must give the same bytes, or Envoy replaces resources that did not change"
		anytime     = "the same input must give the same bytes at any time; the engine has the deadline"
	)
	cases := map[string][]string{
		"upwards":        {"internal/engine/engine.go imports internal/extension, which mayImport does not list for internal/engine"},
		"other-mutator":  {"pkg/features/a/a.go imports pkg/features/b, which mayImport does not list for pkg/features/a"},
		"unlisted":       {"pkg/helpers has no line in mayImport"},
		"client-go":      {"pkg/policy/policy.go imports k8s.io/client-go/kubernetes: only internal/kube, for serve, and internal/cluster, for commands, talk to an API server, so that egraft runs without one"},
		"product-e2e":    {"internal/server/server_test.go imports github.com/egraft/egraft/e2e/parts: the product does not depend on what tests it; use pkg/mutator/mutatortest or move what is shared"},
		"mutator-grpc":   {"pkg/features/a/a.go imports google.golang.org/grpc: " + anywhere},
		"mutator-os":     {"pkg/features/a/a.go imports os/exec: " + anywhere},
		"mutator-net":    {"pkg/features/a/a.go imports net/http: " + anywhere},
		"mutator-random": {"pkg/features/a/a.go imports math/rand/v2: " + alwaysEqual},
		"mutator-clock": {
			"pkg/features/a/a.go uses context.WithTimeout: " + anytime,
			"pkg/features/a/a.go uses time.Now: " + anytime,
		},
		"mutator-dot":   {"pkg/features/a/a.go imports time by a dot: " + anytime},
		"mutator-reach": {"pkg/xds/xds.go uses time.Since (and pkg/mutator imports it): " + anytime},
		"page-raw": {
			"internal/page/page.go uses maragu.dev/gomponents.Raw: what the page shows is text of tenants: it is escaped, and in no script or style, where that does not suffice",
		},
		"uncommented":    {"internal/version has no package comment"},
		"comment-inside": {"internal/version has no package comment"},
		"stated-twice": {
			"internal/server/server.go states \"at most 107 bytes\": the longest path of a Unix socket is MaxPath of internal/unixsocket",
			"internal/server/server.go states 107: the longest path of a Unix socket is MaxPath of internal/unixsocket",
		},
		"long-main": {"cmd/egraft/main.go has 41 lines, and 40 are the limit"},
	}
	folders, err := os.ReadDir("testdata")
	require.NoError(t, err)
	assert.Len(t, folders, len(cases)+1, "a fixture without a case, or the other way round (one is accepted)")
	for fixture, want := range cases {
		t.Run(fixture, func(t *testing.T) {
			files, err := load(filepath.Join("testdata", fixture))
			require.NoError(t, err)
			var got []string
			for _, check := range checks {
				got = append(got, check(files)...)
			}
			assert.Equal(t, want, sorted(got))
		})
	}
}

func TestLongFileIsRejected(t *testing.T) {
	assert.Equal(t, []string{"pkg/xds/xds.go has 401 lines, and 400 are the limit"},
		oversized([]file{{path: "pkg/xds/xds.go", lines: 401}, {path: "pkg/xds/x.go", lines: 400}, {path: "zz.go", lines: 999, generated: true}}))
}

// TestFixtureIsAccepted: the checks accept code that resembles a violation but is not one.
func TestFixtureIsAccepted(t *testing.T) {
	files, err := load(filepath.Join("testdata", "accepted"))
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, check := range checks {
		assert.Empty(t, check(files))
	}
}

// TestRulesNameWhatExists: a line for a deleted package would silently allow a new package of the
// same name.
func TestRulesNameWhatExists(t *testing.T) {
	files, err := load(filepath.Join("..", ".."))
	require.NoError(t, err)
	for _, line := range mayImport {
		exists := slices.ContainsFunc(files, func(f file) bool { return matches([]string{line.pkg}, f.pkg) })
		assert.True(t, exists, line.pkg)
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
