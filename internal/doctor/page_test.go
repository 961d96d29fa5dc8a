package doctor_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
)

var update = flag.Bool("update", false, "write the list of checks into docs/doctor.md")

const (
	page       = "../../docs/doctor.md"
	begin, end = "<!-- begin: generated -->\n", "<!-- end: generated -->\n"
)

// table returns the table of checks.
func table() string {
	var b strings.Builder
	b.WriteString("| code | what the check expects |\n|---|---|\n")
	for _, c := range doctor.Checks() {
		fmt.Fprintf(&b, "| [%s](outcomes.md#%s) | %s |\n", c.Code.ID, strings.ToLower(c.Code.ID), c.Title)
	}
	return b.String()
}

// TestPage compares docs/doctor.md with the checks.
func TestPage(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	have, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+table()+end+after), 0o600))
		return
	}
	require.Equal(t, table(), have, "run `make generate`")
}
