package explain_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestEveryCase: every case of the features' own tests can be explained, and the outcome of a
// policy is the one that its feature reports.
func TestEveryCase(t *testing.T) {
	cases, err := filepath.Glob("../../pkg/features/*/testdata/*")
	require.NoError(t, err)
	require.Greater(t, len(cases), 100)
	stopped := 0
	for _, dir := range cases {
		r, err := recording.Open(dir)
		require.NoError(t, err, dir)
		report, err := explainer(t).Explain(t.Context(), r, explain.Query{Diff: true, Seen: true, Wanted: true})
		require.NoError(t, err, dir)
		require.Empty(t, report.Calls.Errors, dir)
		var b bytes.Buffer
		require.NoError(t, report.Write(&b, terminal.Colored()), dir)
		for _, p := range report.Policies {
			require.Len(t, p.Stages, 4, dir)
			for i, s := range p.Stages {
				require.Equal(t, i+1, s.Number, dir)
				require.Equal(t, s.State == explain.Failed || s.State == explain.Warning, len(s.Findings) > 0, "%s: %s: stage %d", dir, p, i+1)
			}
			programmed := false
			for _, o := range p.Outcomes {
				programmed = programmed || o.Reason == string(mutator.Programmed)
			}
			require.True(t, !p.InEffect || programmed || len(p.Outcomes) == 0, "%s: %s", dir, p)
			if p.StoppedAt > 0 {
				stopped++
			}
		}
	}
	require.Greater(t, stopped, 20)
}
