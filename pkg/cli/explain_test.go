package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/explain"
)

// explainFiles are the calls and the policy of the page.
const explainFiles = "testdata/explain"

// TestExplainPage runs the commands of the page.
func TestExplainPage(t *testing.T) { runPage(t, "../../docs/explain.md", explainFiles, 5) }

func TestExplainFlags(t *testing.T) {
	t.Chdir(explainFiles)
	const help = "See `egraft explain --help`.\n"
	for _, test := range []struct {
		name, args string
		code       int
		stderr     string
	}{
		{"in effect", "bufferpolicy/default/uploads --recording calls.yaml", 0, ""},
		{"not in effect", "--recording calls.yaml", 1, "egraft: not every policy is in effect\n"},
		{"disabled feature", "bufferpolicy --recording calls.yaml --disable-features buffer", 2, "egraft: there is no kind \"bufferpolicy\": the kinds are"},
		{"no such recording", "--recording none", 2, "egraft: read recording none: no such file or directory\n" + help},
		{"no such file", "--recording calls.yaml -f none", 2, "egraft: read file: open none: no such file or directory\n" + help},
		{"not a policy", "--recording calls.yaml -f calls.yaml", 2, "egraft: calls.yaml: document 1: is not a Kubernetes object: apiVersion, kind or metadata.name is missing\n" + help},
		{"output", "--recording calls.yaml -o xml", 2, "egraft: --output \"xml\" is none of text, json, yaml\n" + help},
		{"subject", "gateway/eg --recording calls.yaml", 2, "egraft: \"gateway/eg\" is not a subject: use gateway/NAMESPACE/NAME\n" + help},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := egraft(t.Context(), nil, append([]string{"explain"}, strings.Fields(test.args)...)...)
			require.Equal(t, test.code, got.code, got.stdout+got.stderr)
			require.True(t, strings.HasPrefix(got.stderr, test.stderr) && (test.stderr != "") == (got.stderr != ""), got.stderr)
		})
	}
}

// TestExplainDocument: JSON and YAML are the same document.
func TestExplainDocument(t *testing.T) {
	t.Chdir(explainFiles)
	j := egraft(t.Context(), nil, "explain", "--recording", "calls.yaml", "--diff", "-o", "json")
	y := egraft(t.Context(), nil, "explain", "--recording", "calls.yaml", "--diff", "-o", "yaml")
	report := &explain.Report{}
	require.NoError(t, json.Unmarshal([]byte(j.stdout), report))
	require.Len(t, report.Policies, 3)
	asJSON, err := yaml.YAMLToJSON([]byte(y.stdout))
	require.NoError(t, err)
	require.JSONEq(t, j.stdout, string(asJSON))
}
