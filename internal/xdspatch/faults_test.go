package xdspatch_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/xdspatch"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+name, []byte(got), 0o600))
	}
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update if that is right")
}

// compileError returns the text of all errors of a patch.
func compileError(t testing.TB, text string) string {
	t.Helper()
	_, errs := xdspatch.Compile(read(t, text), field.NewPath("patches").Index(0))
	if len(errs) == 0 {
		return "no error"
	}
	return errs.ToAggregate().Error()
}

// TestFaults compiles each invalid patch of a file, and compares the errors.
func TestFaults(t *testing.T) {
	text, err := os.ReadFile("testdata/faults.yaml")
	require.NoError(t, err)
	var out strings.Builder
	for patch := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n---\n") {
		got := compileError(t, patch)
		require.NotEqual(t, "no error", got, patch)
		out.WriteString(patch + "\n# " + got + "\n---\n")
	}
	golden(t, "faults.golden", out.String())
}
