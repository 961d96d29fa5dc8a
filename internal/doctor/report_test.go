package doctor_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/terminal"
)

var plain terminal.Style

func results() []doctor.Result {
	return []doctor.Result{
		{Code: "EGR1", Group: "one", Title: "a is b", Status: doctor.OK, Note: "v1"},
		{Code: "EGR2", Group: "one", Title: "b is c", Status: doctor.Skipped, Note: "no c"},
		{
			Code: "EGR3", Group: "two", Title: "c is d", Status: doctor.Failed, Means: "Means.", Link: "https://x",
			Problems: []doctor.Problem{{Status: doctor.Failed, Message: "c1", Remedy: "Do:\n$ it"}, {Status: doctor.Failed, Message: "c2", Remedy: "Do:\n$ it"}},
		},
		{Code: "EGR4", Group: "two", Title: "d is e", Status: doctor.Warning, Means: "M.", Link: "https://y", Problems: []doctor.Problem{{Status: doctor.Warning, Message: "d1"}}},
	}
}

const problems = `two
---
[failed]  c is d
    c1
    c2
    → Do:
      it
    Means.
    EGR3: https://x
[warning] d is e
    d1
    M.
    EGR4: https://y

1 failed, 1 warning, 1 ok, 1 skipped
`

func text(t *testing.T, results []doctor.Result, style terminal.Style, short bool) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, doctor.NewReport(results).WriteText(&b, style, short))
	return b.String()
}

func TestText(t *testing.T) {
	require.Equal(t, "one\n---\n[ok]      a is b (v1)\n[skipped] b is c (skipped: no c)\n\n"+problems, text(t, results(), plain, false))
	require.Equal(t, problems, text(t, results(), plain, true))
	require.Equal(t, "0 failed, 0 warnings, 1 ok, 1 skipped\n", text(t, results()[:2], plain, true))
	colored := text(t, results(), terminal.Colored(), false)
	for _, mark := range []string{"✔", "✘", "⚠", "\x1b[31m"} {
		require.Contains(t, colored, mark)
	}
}
