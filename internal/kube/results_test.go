package kube

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestResultsAreDocumented compares the results of all kinds of write with the documentation.
func TestResultsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics-and-logs.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `egraft_kubernetes_writes_total` \\|[^|]*\\|(.*)\\|$").FindSubmatch(page)
	require.NotNil(t, row)
	var documented []string
	for _, m := range regexp.MustCompile("`([a-z]+)`").FindAllSubmatch(row[1], -1) {
		documented = append(documented, string(m[1]))
	}
	require.ElementsMatch(t, append(slices.Collect(maps.Keys(Results())), Results()[event]...), documented)
	require.ElementsMatch(t, Results()[event], append(Results()[condition], string(repeated)))
}
