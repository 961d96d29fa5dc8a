package cli

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// explainFiles has the calls and the policy of the page.
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
		{"disabled feature", "bufferpolicy --recording calls.yaml --disable-features buffer", 2, "egraft: there is no kind \"bufferpolicy\""},
		{"no such recording", "--recording none", 2, "egraft: read recording none: no such file or directory\n" + help},
		{"no such file", "--recording calls.yaml -f none", 2, "egraft: read file: open none: no such file or directory\n" + help},
		{"not a policy", "--recording calls.yaml -f calls.yaml", 2, "egraft: calls.yaml: document 1: is not a Kubernetes object: apiVersion, kind or metadata.name is missing\n" + help},
		{"output", "--recording calls.yaml -o xml", 2, "egraft: --output \"xml\" is not one of text, json, yaml\n" + help},
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

// TestExplainServing: a running egraft reports the same as the command for the same calls.
func TestExplainServing(t *testing.T) {
	t.Chdir(explainFiles)
	socket, address := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address)
	ask := func(args ...string) result {
		return egraft(t.Context(), nil, append([]string{"explain", "--admin-address", address}, args...)...)
	}
	const never = "✘ BufferPolicy default/uploads is not in effect: stopped at stage 2 (sent to egraft)"
	got := ask("bufferpolicy/default/uploads")
	require.Equal(t, ExitFailure, got.code)
	require.Contains(t, got.stdout, never)
	require.Contains(t, got.stdout, "EGR201 NeverCalled")

	sendCalls(t, dial(t, "unix:"+socket), "calls.yaml")
	for _, args := range [][]string{{"bufferpolicy/default/uploads", "--diff"}, {"gateway/default/eg"}, {}, {"-f", "policy.yaml"}, {"-f", "policy.yaml", "all", "-o", "json"}} {
		want := egraft(t.Context(), nil, append([]string{"explain", "--recording", "calls.yaml"}, args...)...)
		got := ask(args...)
		require.Equal(t, want.code, got.code, args)
		if !slices.Contains(args, "json") { // which contains the time of the calls
			require.Equal(t, want.stdout, got.stdout, args)
		}
	}
	got = ask("gatewy")
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, "did you mean gateway?")
	require.Equal(t, ExitOK, stop())
	got = ask()
	require.Equal(t, ExitFailure, got.code)
	require.Contains(t, got.stderr, "no egraft responds at "+address)
}

// sendCalls sends the translations of a file as Envoy Gateway does.
func sendCalls(t *testing.T, to extension.EnvoyGatewayExtensionClient, file string) {
	t.Helper()
	r, err := recording.Open(file)
	require.NoError(t, err)
	for _, c := range r.Calls {
		req := &extension.PostTranslateModifyRequest{PostTranslateContext: &extension.PostTranslateExtensionContext{}}
		for _, o := range c.Objects {
			req.PostTranslateContext.ExtensionResources = append(req.PostTranslateContext.ExtensionResources, &extension.ExtensionResource{UnstructuredBytes: o})
		}
		for _, list := range c.Resources {
			for _, raw := range list.Encoded {
				m, err := callfile.Decode(list.Kind, raw)
				require.NoError(t, err)
				switch m := m.(type) {
				case *clusterv3.Cluster:
					req.Clusters = append(req.Clusters, m)
				case *listenerv3.Listener:
					req.Listeners = append(req.Listeners, m)
				case *routev3.RouteConfiguration:
					req.Routes = append(req.Routes, m)
				}
			}
		}
		_, err := to.PostTranslateModify(t.Context(), req)
		require.NoError(t, err)
	}
}
