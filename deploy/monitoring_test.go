package deploy

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

var updateRules = flag.Bool("update-rules", false, "write prometheusrule.yaml")

const rules = "monitoring/alerts/rules.yaml"

// ruleHead is what the Prometheus Operator needs around the groups.
const ruleHead = `# The alerts of rules.yaml for the Prometheus Operator. Written by make generate.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: egraft
spec:
`

// TestPrometheusRule: both files contain the same rules.
func TestPrometheusRule(t *testing.T) {
	_, groups, found := strings.Cut(read(t, rules), "groups:\n")
	require.True(t, found)
	want := ruleHead + "  groups:\n"
	for line := range strings.Lines(groups) {
		want += "  " + line
	}
	if *updateRules {
		require.NoError(t, os.WriteFile("monitoring/alerts/prometheusrule.yaml", []byte(want), 0o644))
	}
	require.Equal(t, want, read(t, "monitoring/alerts/prometheusrule.yaml"))
	require.Contains(t, string(render(t, "monitoring/alerts")), "kind: PrometheusRule")
	require.Contains(t, string(render(t, "monitoring/dashboard")), `grafana_dashboard: "1"`)
}

func render(t *testing.T, folder string) []byte {
	t.Helper()
	out, err := build(t, folder).AsYaml()
	require.NoError(t, err)
	return out
}

// metric matches names of metrics in queries.
var metric = regexp.MustCompile(`\b(?:egraft|envoy)_[a-z_]+\b`)

// unknown returns the metrics of egraft in a text that docs/metrics-and-logs.md does not list.
// Another test checks that the listed metrics exist.
func unknown(text, operations string) (out []string) {
	for _, name := range metric.FindAllString(text, -1) {
		listed := strings.Contains(operations, "`"+name+"`") || strings.Contains(operations, "`"+strings.TrimSuffix(name, "_bucket")+"`")
		if strings.HasPrefix(name, "egraft_") && !listed {
			out = append(out, name)
		}
	}
	return out
}

func TestMonitoredMetricsExist(t *testing.T) {
	operations := read(t, "../docs/metrics-and-logs.md")
	for _, path := range []string{rules, "monitoring/alerts/rules_test.yaml", "monitoring/dashboard/egraft.json"} {
		require.NotEmpty(t, metric.FindAllString(read(t, path), -1))
		require.Empty(t, unknown(read(t, path), operations), path)
	}
	require.Equal(t, []string{"egraft_old"}, unknown("sum(egraft_old) + egraft_policies + egraft_call_duration_seconds_bucket", operations))
}

// alerts returns the alerts of the rules, with their annotations.
func alerts(t *testing.T) (out []alert) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	require.NoError(t, yaml.Unmarshal([]byte(read(t, rules)), &file))
	for _, g := range file.Groups {
		out = append(out, g.Rules...)
	}
	return out
}

type alert struct {
	Alert       string
	Labels      map[string]string
	Annotations map[string]string
}

// TestAlerts: each alert has a test in which it fires and one in which it does not, and links to a
// heading of the documentation.
func TestAlerts(t *testing.T) {
	var file struct {
		Tests []struct {
			PromqlExprTest []struct {
				Expr       string
				ExpSamples []any `json:"exp_samples"`
			} `json:"promql_expr_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "monitoring/alerts/rules_test.yaml")), &file))
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.PromqlExprTest {
			into := fires
			if len(e.ExpSamples) == 0 {
				into = silent
			}
			into[e.Expr] = true
		}
	}
	operations, all := read(t, "../docs/metrics-and-logs.md"), alerts(t)
	require.NotEmpty(t, all)
	for _, a := range all {
		expr := `ALERTS{alertname="` + a.Alert + `",alertstate="firing"}`
		require.True(t, fires[expr] && silent[expr], a.Alert)
		require.Contains(t, []string{"critical", "warning", "info"}, a.Labels["severity"], a.Alert)
		require.NotEmpty(t, a.Annotations["summary"], a.Alert)
		require.Contains(t, operations, "| `"+a.Alert+"` | "+a.Labels["severity"]+" |")
		requireHeading(t, a.Annotations["runbook_url"])
	}
}

// requireHeading checks that the file in this repository has the heading to which a URL links.
func requireHeading(t *testing.T, address string) {
	t.Helper()
	path, found := strings.CutPrefix(address, "https://github.com/egraft/egraft/blob/main/")
	require.True(t, found, address)
	path, anchor, _ := strings.Cut(path, "#")
	text := read(t, filepath.Join("..", path))
	if anchor == "" {
		return
	}
	var anchors []string
	for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		words := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), "")
		anchors = append(anchors, strings.ReplaceAll(words, " ", "-"))
	}
	require.True(t, slices.Contains(anchors, anchor), address)
}
