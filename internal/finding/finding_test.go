package finding_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/finding"
)

var update = flag.Bool("update", false, "write docs/outcomes.md")

func TestPage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, finding.WritePage(&b))
	path := filepath.Join("..", "..", "docs", "outcomes.md")
	if *update {
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(have), "run `make generate`")
}

func TestCodes(t *testing.T) {
	form, ids, names := regexp.MustCompile(`^EGR[1-8][0-9]{2}$`), map[string]bool{}, map[string]bool{}
	for _, c := range finding.All() {
		require.Regexp(t, form, c.ID)
		require.NotEmpty(t, c.Name, c.ID)
		require.NotEmpty(t, c.Means, c.ID)
		require.NotEmpty(t, c.See, c.ID)
		require.False(t, ids[c.ID], "two of code %s", c.ID)
		require.False(t, names[c.Name], "two of name %s", c.Name)
		ids[c.ID], names[c.Name] = true, true
	}
	require.True(t, slices.IsSortedFunc(finding.All(), func(a, b finding.Code) int {
		return bytes.Compare([]byte(a.ID), []byte(b.ID))
	}))
}

func TestOfReason(t *testing.T) {
	for _, test := range []struct{ reason, id string }{
		{"Programmed", "EGR300"},
		{"TargetNotFound", "EGR304"},
		{"MatchedNothing", "EGR308"},
		{"call-failed", "EGR324"},
		{"denied", "EGR322"},
		{"", ""},
		{"-", ""},
		{"Sent", ""},
	} {
		c, ok := finding.OfReason(test.reason)
		require.Equal(t, test.id, c.ID, test.reason)
		require.Equal(t, test.id != "", ok)
	}
	c, ok := finding.ByID("EGR204")
	require.True(t, ok)
	require.Equal(t, finding.UnknownTarget, c)
	_, ok = finding.ByID("EGR999")
	require.False(t, ok)
}
