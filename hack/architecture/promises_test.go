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

// model is the page on which each promise names its tests.
const model = "../../docs/security-model.md"

// TestPromisesAreTested checks that every test named by the security model exists in the package
// that the page gives for it.
func TestPromisesAreTested(t *testing.T) {
	text, err := os.ReadFile(model)
	require.NoError(t, err)
	rows := promises(string(text))
	require.Greater(t, len(rows), 20, "rows with tests")
	for _, row := range rows {
		require.NoError(t, held(row))
	}
}

// TestUntestedPromises shows that the check can fail.
func TestUntestedPromises(t *testing.T) {
	for row, want := range map[string]string{
		"nothing":                       `no test holds it: "nothing"`,
		"`TestNone` (pkg/xds)":          "pkg/xds has no TestNone",
		"`TestHeldRoute` (pkg/mutator)": "pkg/mutator has no TestHeldRoute",
		"`TestHeldRoute` (pkg/none)":    "pkg/none has no TestHeldRoute",
	} {
		require.EqualError(t, held(row), want)
	}
	require.NoError(t, held("`TestHeldRoute`, `TestStranded` (pkg/xds), `TestOwners` (e2e)"))
}

// promises returns the last column of the tables under "verified by".
func promises(page string) (rows []string) {
	in := false
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			in = false
		case strings.HasSuffix(line, "| verified by |"):
			in = true
		case in && !strings.HasPrefix(line, "|---"):
			columns := strings.Split(strings.Trim(line, "|"), "|")
			rows = append(rows, columns[len(columns)-1])
		}
	}
	return rows
}

// named matches tests and the packages that contain them.
var named = regexp.MustCompile("((?:`(?:Test|Fuzz)\\w+`(?:, )?)+) \\(([\\w/, ]+)\\)")

// held returns an error unless all tests that a row names exist.
func held(row string) error {
	found := named.FindAllStringSubmatch(row, -1)
	if found == nil {
		return fmt.Errorf("no test holds it: %q", row)
	}
	for _, f := range found {
		for _, test := range regexp.MustCompile(`\w+`).FindAllString(f[1], -1) {
			for dir := range strings.SplitSeq(f[2], ", ") {
				if !declares(filepath.Join("../..", dir), test) {
					return fmt.Errorf("%s has no %s", dir, test)
				}
			}
		}
	}
	return nil
}

// declares reports whether a test file in the folder declares the test.
func declares(dir, test string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
