package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/matrix"
)

const page = "../../docs/compatibility.md"

// TestPage: the table has exactly one row for each cell, and no impossible results. The row of a
// release that delivers a resource does not claim that it does not.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, after, rows, err := parsed(string(text))
	require.NoError(t, err)
	if written(before, after, rows) != string(text) { // without printing the difference of the whole page
		t.Fatal("the rows are not those of e2e/matrix: go run ./hack/matrix -tidy")
	}
	for _, r := range rows {
		for _, f := range matrix.Features() {
			got := r.results[f.ID]
			require.Contains(t, outcomes, got, "%s: %s", r.cell, f.ID)
			require.NotEqual(t, failure, got, "%s: %s", r.cell, f.ID)
			require.Equal(t, !r.cell.Has(f), got == noPart, "%s: %s", r.cell, f.ID)
			if got == pass || got == notSent {
				require.Equal(t, !r.cell.Delivers(f), got == notSent, "%s: %s", r.cell, f.ID)
				require.Regexp(t, `^\d{4}-\d\d-\d\d$`, r.date)
			}
		}
	}
}

// output returns the test's output for a cell.
func output(c matrix.Cell, failed string) (string, error) {
	var out strings.Builder
	if c.Kubernetes {
		return "--- PASS: TestOwners (1.00s)\n", nil
	}
	for _, f := range matrix.Features() {
		word := "PASS"
		if f.ID == failed {
			word = "FAIL"
		}
		out.WriteString("    --- " + word + ": TestMatrix/" + f.ID + " (0.10s)\n")
	}
	if failed != "" {
		return out.String(), errors.New("exit status 1")
	}
	return out.String(), nil
}

func TestRead(t *testing.T) {
	cells := matrix.Cells()
	newest, old := cells[1], cells[len(cells)-1]
	out, err := output(newest, "hedge")
	got := read(newest, out, err)
	assert.Equal(t, failure, got["hedge"])
	assert.Equal(t, pass, got[matrix.RouteTargets])
	assert.Equal(t, "fails: hedge", got.verdict(newest))
	out, err = output(old, "")
	assert.Equal(t, notSent, read(old, out, err)[matrix.RouteTargets])
	assert.Equal(t, failure, read(newest, "no output", errors.New("killed"))["buffer"], "what was not told of")
	assert.Equal(t, failure, read(cells[0], "--- FAIL: TestOwners (1.00s)\n", errors.New("exit status 1"))["buffer"])
	assert.Equal(t, noPart, read(cells[0], "--- PASS: TestOwners (1.00s)\n", nil)["hedge"])
}

// TestAll: a failed cell does not stop the others, the page has a result for each cell, and the
// error names the failed one.
func TestAll(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(copied, []byte("before\n"+begin+end+"after\n"), 0o644))
	cells := matrix.Cells()[1:4]
	var out bytes.Buffer
	var environs [][]string
	r := &runner{cells: cells, root: t.TempDir(), page: copied, timeout: time.Minute, out: &out, now: func() time.Time { return time.Unix(0, 0) }}
	r.execute = func(_ context.Context, _ string, environ []string, command ...string) (string, error) {
		if command[0] == "go" {
			return "", nil
		}
		environs = append(environs, environ)
		failed := ""
		if len(environs) == 2 {
			failed = "doctor"
		}
		return output(cells[len(environs)-1], failed)
	}
	err := r.all(t.Context())
	require.EqualError(t, err, "1 of 3 cells failed:\n  "+cells[1].String())
	require.Len(t, environs, 3)
	assert.Contains(t, environs[1], "EGRAFT_E2E_RUNTIME_FLAGS=XDSNameSchemeV2")
	assert.Contains(t, environs[2], "EGRAFT_E2E_PARTS=matrix")
	text, err := os.ReadFile(copied)
	require.NoError(t, err)
	before, after, rows, err := parsed(string(text))
	require.NoError(t, err)
	assert.Equal(t, []string{"before\n", "after\n"}, []string{before, after})
	assert.Equal(t, notRun, rows[0].results["buffer"])
	assert.Equal(t, row{cells[0], rows[1].results, "1970-01-01"}, rows[1])
	assert.Equal(t, failure, rows[2].results["doctor"])
	assert.Equal(t, pass, rows[3].results["doctor"])
	assert.Contains(t, out.String(), "[2/3] "+cells[1].String()+": fails: doctor, 0s\n")
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-only", "Envoy Gateway 0.1"}, `-only "Envoy Gateway 0.1": no cell has such a name; -list prints all names`},
		{[]string{"more"}, `argument "more" is not known`},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), test.args, &stdout, &stderr))
		require.True(t, strings.HasPrefix(stderr.String(), "matrix: "+test.want), stderr.String())
	}
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-list", "-only", "Envoy Gateway 1.8.0, XDSNameSchemeV2"}, &stdout, &stderr))
	require.Equal(t, []string{"Envoy Gateway 1.8.0, Envoy 1.38.3, File, XDSNameSchemeV2"}, slices.Collect(strings.Lines(strings.TrimSpace(stdout.String()))))
}
