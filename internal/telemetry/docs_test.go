package telemetry_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// documented returns the names of metrics in the page's table.
func documented(page string) []string {
	row := regexp.MustCompile("(?m)^\\| (`egraft_.*?) \\|")
	var names []string
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		for _, name := range strings.Split(m[1], ", ") {
			names = append(names, strings.Trim(name, "`"))
		}
	}
	slices.Sort(names)
	return names
}

// served returns the names of metrics that Prometheus scrapes.
func served(lines []string) []string {
	var names []string
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && strings.HasPrefix(f[2], "egraft_") {
			names = append(names, f[2])
		}
	}
	slices.Sort(names)
	return names
}

// TestDocumentedMetrics compares docs/metrics-and-logs.md with the metrics.
func TestDocumentedMetrics(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics-and-logs.md")
	require.NoError(t, err)
	require.Equal(t, served(scrape(t, newTelemetry())), documented(string(page)))
}

func TestDocumentedMetricsRejects(t *testing.T) {
	page := "| `egraft_calls_total`, `egraft_old` | hook | calls |\n| `go_*` | | |\n"
	require.Equal(t, []string{"egraft_calls_total", "egraft_old"}, documented(page))
	require.NotEqual(t, served(scrape(t, newTelemetry())), documented(page))
}

// TestMetricsToTroubleshootWith: each metric that docs/troubleshooting.md names exists.
func TestMetricsToTroubleshootWith(t *testing.T) {
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	named := mentioned(string(page))
	require.NotEmpty(t, named)
	require.Subset(t, served(scrape(t, newTelemetry())), named)
}

func TestMetricsToTroubleshootWithRejects(t *testing.T) {
	named := mentioned("Look at `egraft_calls_total{code=\"OK\"}` and egraft_old, not at egraft.\n")
	require.Equal(t, []string{"egraft_calls_total", "egraft_old"}, named)
	require.NotSubset(t, served(scrape(t, newTelemetry())), named)
}

// mentioned returns all names of metrics in a text.
func mentioned(page string) []string {
	return regexp.MustCompile(`egraft_[a-z_]+`).FindAllString(page, -1)
}
