package architecture

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCompatibilityOfEveryPackage: docs/compatibility.md states for each package whether it is
// promised, and the API of each promised package is recorded.
func TestCompatibilityOfEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../docs/compatibility.md")
	require.NoError(t, err)
	promised, others := compatibility(string(text))
	require.Equal(t, recorded(t, "../../docs/api"), promised)
	files, err := load(filepath.Join("..", ".."))
	require.NoError(t, err)
	require.Empty(t, unmentioned(files, promised, others))
	for _, p := range others {
		exists := slices.ContainsFunc(files, func(f file) bool { return matches([]string{p}, f.pkg) })
		require.True(t, exists, p)
	}
}

// TestUnmentionedPackages shows that the check can fail.
func TestUnmentionedPackages(t *testing.T) {
	promised, others := compatibility("## Promised packages\n| `pkg/b`, `pkg/a` | `pkg/c` is for |\n## Other packages\n`pkg/d/...` and `cmd`\n## For how long\n`pkg/e`\n")
	require.Equal(t, []string{"pkg/a", "pkg/b"}, promised)
	require.Equal(t, []string{"pkg/d/..."}, others)
	files := []file{{pkg: "pkg/a"}, {pkg: "pkg/a/deep"}, {pkg: "pkg/c"}, {pkg: "pkg/d/deep"}, {pkg: "pkg/e"}, {pkg: "cmd/egraft"}}
	require.Equal(t, []string{"pkg/a/deep", "pkg/c", "pkg/e"}, unmentioned(files, promised, others))
}

// compatibility returns the packages of the page's first two sections.
func compatibility(page string) (promised, others []string) {
	section := func(title string) string {
		_, rest, _ := strings.Cut(page, "## "+title+"\n")
		text, _, _ := strings.Cut(rest, "\n## ")
		return text
	}
	name := regexp.MustCompile("`(pkg/[a-z0-9/.]+)`")
	for line := range strings.Lines(section("Promised packages")) {
		first, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range name.FindAllStringSubmatch(first, -1) {
			promised = append(promised, m[1])
		}
	}
	for _, m := range name.FindAllStringSubmatch(section("Other packages"), -1) {
		others = append(others, m[1])
	}
	slices.Sort(promised)
	return promised, others
}

// recorded returns the packages whose API is recorded.
func recorded(t *testing.T, dir string) (packages []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && path.Ext(name) == ".txt" {
			packages = append(packages, strings.TrimSuffix(name, ".txt"))
		}
		return err
	})
	require.NoError(t, err)
	slices.Sort(packages)
	return packages
}

// unmentioned returns packages below pkg that are neither promised nor listed among the others.
func unmentioned(files []file, promised, others []string) (packages []string) {
	for _, f := range files {
		if strings.HasPrefix(f.pkg, "pkg/") && !slices.Contains(promised, f.pkg) && !matches(others, f.pkg) {
			packages = append(packages, f.pkg)
		}
	}
	return sorted(packages)
}
