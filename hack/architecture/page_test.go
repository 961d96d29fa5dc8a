package architecture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArchitecturePage: the page lists all packages of the product, and the files and identifiers
// that it refers to exist.
func TestArchitecturePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	require.NoError(t, leadsTo(string(page)))
	for _, rule := range mayImport {
		if strings.HasPrefix(rule.pkg, "pkg/") || strings.HasPrefix(rule.pkg, "internal/") {
			require.Contains(t, string(page), "`"+rule.pkg+"`")
		}
	}
}

// TestArchitecturePageThatIsWrong shows that the check can fail.
func TestArchitecturePageThatIsWrong(t *testing.T) {
	require.EqualError(t, leadsTo("see `pkg/none/none.go`"), "there is no pkg/none/none.go")
	require.EqualError(t, leadsTo("see `internal/none`"), "there is no internal/none")
	require.EqualError(t, leadsTo("`Nothing` in `pkg/attach/effective.go`"), "pkg/attach/effective.go has no Nothing")
	require.NoError(t, leadsTo("`Effective` in `pkg/attach/effective.go`, `pkg/apis/...`"))
}

var (
	paths  = regexp.MustCompile("`((?:pkg|internal|cmd|hack)/[\\w/.]+)`")
	inFile = regexp.MustCompile("`(\\w+)` in `((?:pkg|internal)/[\\w/]+\\.go)`")
)

func leadsTo(page string) error {
	for _, m := range paths.FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join("../..", strings.TrimSuffix(m[1], "/..."))); err != nil {
			return fmt.Errorf("there is no %s", m[1])
		}
	}
	for _, m := range inFile.FindAllStringSubmatch(page, -1) {
		text, err := os.ReadFile(filepath.Join("../..", m[2]))
		if err != nil || !regexp.MustCompile(`(?m)^(func(?: \([^)]*\))? |type |var |const |\t)`+m[1]+`\b`).Match(text) {
			return fmt.Errorf("%s has no %s", m[2], m[1])
		}
	}
	return nil
}
