package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
)

// renderFiles are the dump and the policies of the page.
const renderFiles = "testdata/render"

// TestRenderPage runs the commands of the page and compares their output. With -update, it writes
// the output into the page.
func TestRenderPage(t *testing.T) { runPage(t, "../../docs/render.md", renderFiles, 2) }

// runPage runs the commands of a page in a directory, and compares their output with their blocks.
func runPage(t *testing.T, page, dir string, commands int) {
	t.Helper()
	path, err := filepath.Abs(page)
	require.NoError(t, err)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	t.Chdir(dir)
	parts := strings.Split(string(text), "```console\n")
	require.Len(t, parts, commands+1)
	for i := range parts[1:] {
		block, after, found := strings.Cut(parts[i+1], "```\n")
		require.True(t, found)
		command, _, _ := strings.Cut(strings.TrimPrefix(block, "$ "), "\n")
		got := egraft(t.Context(), nil, strings.Fields(command)[1:]...)
		want := "$ " + command + "\n" + got.stdout + got.stderr
		if *update {
			block = want
			parts[i+1] = block + "```\n" + after
		}
		require.Equal(t, want, block, "%s: run `go test ./pkg/cli -update`", page)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(parts, "```console\n")), 0o644))
	}
}

func TestRender(t *testing.T) {
	t.Chdir(renderFiles)
	gateway := strings.NewReplacer("kind: HTTPRoute, name: shop", "kind: Gateway, name: eg")
	policy, err := os.ReadFile("policy.yaml")
	require.NoError(t, err)
	const help = "See `egraft render --help`.\n"
	const without = "egraft: not every policy is in effect\n"
	const programmed = "BufferPolicy default/buffer: Programmed: requests of up to 1Mi are buffered until they are complete; routes: 1; Envoy Gateway can do this natively, by requestBuffer of a BackendTrafficPolicy\n"
	for _, test := range []struct {
		name, args, stdin string
		want              result
	}{
		{"no policy", "-f dump.json", "", result{0, "unchanged resources: 5\n", ""}},
		{
			"policies in one file", "-f dump.json -f - --disable-features buffer", string(policy) + "---\n# nothing\n---\n" + string(policy),
			result{1, "unchanged resources: 5\n" + strings.Repeat("BufferPolicy default/buffer: NotSent: no enabled feature reads it as a policy; if it is a filter or backend, xDS does not show which routes refer to it: use a file of calls, and add it to objects\n", 2), without},
		},
		{
			"selector", "-f dump.json -f -", strings.Replace(string(policy), "targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: shop}]", "targetSelectors: [{kind: HTTPRoute, matchLabels: {a: b}}]", 1),
			result{1, "unchanged resources: 5\nBufferPolicy default/buffer: NotSent: targetSelectors select routes by labels, which xDS does not have: use targetRefs\n", without},
		},
		{"no such Gateway", "-f dump.json -f -", strings.Replace(gateway.Replace(string(policy)), "name: eg", "name: none", 1), result{1, "unchanged resources: 5\n" +
			"BufferPolicy default/buffer: TargetNotFound: no listener of any target has a route, or Envoy Gateway does not include routes in the Translation hook\n", without}},
		{"no files", "", "", result{2, "", "egraft: --filename is missing: name files with policies, and a config dump or calls\n" + help}},
		{"no xDS", "-f policy.yaml", "", result{2, "", "egraft: the files have no xDS resources: add a config dump or calls\n" + help}},
		{"no such file", "-f none.yaml", "", result{2, "", "egraft: read file: open none.yaml: no such file or directory\n" + help}},
		{"two dumps", "-f dump.json -f dump.json", "", result{2, "", "egraft: dump.json: document 1: there is more than one config dump: render one Envoy at a time\n" + help}},
		{"dump without resources", "-f -", "configs: [{}]", result{2, "", "egraft: -: document 1: config dump: has no dynamic clusters, listeners or routes: take one from /config_dump of an Envoy that Envoy Gateway configures\n" + help}},
		{"something else", "-f -", "a: b", result{2, "", "egraft: -: document 1: is neither a custom resource (apiVersion and kind) nor a file of calls (hook or calls) nor a config dump (configs) nor the output of egctl x translate (xds)\n" + help}},
		{"output", "-f dump.json -o text", "", result{2, "", "egraft: --output \"text\" is not one of diff, yaml, json\n" + help}},
		{"all of a diff", "-f dump.json --all", "", result{2, "", "egraft: --all requires --output yaml or json\n" + help}},
		{"argument", "policy.yaml", "", result{2, "", "egraft: egraft render takes no arguments, but got \"policy.yaml\"\n" + help}},
		{"calls", "-f -", "hook: Translation\nresources: {Cluster: [{name: a}]}", result{0, "unchanged resources: 1\n", ""}},
		{"nothing changed", "-f dump.json -o yaml", "", result{0, "policies: []\nresources: {}\n", ""}},
		{"added", "-f - -o json --fast-cluster-updates", "hook: Translation\nresources: {Cluster: [{name: a, type: EDS, edsClusterConfig: {edsConfig: {ads: {}}}}, {name: b}]}", result{0, `{
  "resources": {
    "Cluster": [
      {
        "name": "a",
        "type": "EDS",
        "edsClusterConfig": {
          "edsConfig": {
            "ads": {},
            "initialFetchTimeout": "1s"
          }
        }
      }
    ]
  },
  "policies": []
}
`, ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr output
			p := &program{features: catalog.Builtin, stdin: strings.NewReader(test.stdin), stdout: &stdout, stderr: &stderr}
			code := run(t.Context(), append([]string{"render"}, strings.Fields(test.args)...), p)
			require.Equal(t, test.want, result{code, stdout.String(), stderr.String()})
		})
	}
	got := egraft(t.Context(), nil, "render", "-f", "dump.json", "-f", "policy.yaml")
	require.True(t, strings.HasSuffix(got.stdout, programmed), got.stdout)
}

// TestRenderRedacts: a private key in the dump is in no output.
func TestRenderRedacts(t *testing.T) {
	t.Chdir(renderFiles)
	dump, err := os.ReadFile("dump.json")
	require.NoError(t, err)
	const key = "U0VDUkVU"
	require.Contains(t, string(dump), key)
	for _, format := range []string{"yaml", "json"} {
		got := egraft(t.Context(), nil, "render", "-f", "dump.json", "-f", "policy.yaml", "-o", format, "--all")
		require.Equal(t, ExitOK, got.code, got.stderr)
		require.Contains(t, got.stdout, "default/shop-cert")
		require.NotContains(t, got.stdout, key)
		require.Contains(t, got.stdout, "W3JlZGFjdGVkXQ==")
		require.Regexp(t, `connectTimeout"?: "?5s`, got.stdout, "the cluster that warms")
	}
}

// TestRenderTranslated: egctl x translate prints a config dump for each Gateway, in protobuf's JSON
// spelling.
func TestRenderTranslated(t *testing.T) {
	t.Chdir(renderFiles)
	raw, err := os.ReadFile("dump.json")
	require.NoError(t, err)
	for snake, camel := range map[string]string{
		"dynamic_active_clusters": "dynamicActiveClusters", "dynamic_warming_clusters": "dynamicWarmingClusters", "dynamic_listeners": "dynamicListeners",
		"dynamic_route_configs": "dynamicRouteConfigs", "dynamic_active_secrets": "dynamicActiveSecrets", "route_config": "routeConfig",
		"active_state": "activeState", "warming_state": "warmingState",
	} {
		raw = bytes.ReplaceAll(raw, []byte(`"`+snake+`"`), []byte(`"`+camel+`"`))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "translated.json")
	want := egraft(t.Context(), nil, "render", "-f", "dump.json", "-f", "policy.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`{"xds": {"default/eg": `+string(raw)+`}}`), 0o600))
	require.Equal(t, want, egraft(t.Context(), nil, "render", "-f", file, "-f", "policy.yaml"))

	var dump struct{ Configs []json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &dump))
	clusters := slices.IndexFunc(dump.Configs, func(c json.RawMessage) bool { return bytes.Contains(c, []byte("dynamicActiveClusters")) })
	require.NoError(t, os.WriteFile(file, []byte(`{"xds": {"default/eg": `+string(dump.Configs[clusters])+`}}`), 0o600))
	require.Equal(t, ExitOK, egraft(t.Context(), nil, "render", "-f", file).code, "a part")
	require.NoError(t, os.WriteFile(file, []byte(`{"xds": {"a": {}, "b": {}}}`), 0o600))
	require.Contains(t, egraft(t.Context(), nil, "render", "-f", file).stderr, "xds has 2 Gateways: render one at a time")
}

// TestRenderErrorsQuoteNothing: malformed parts of a dump can be secrets.
func TestRenderErrorsQuoteNothing(t *testing.T) {
	for text, want := range map[string]string{
		`SECRET: [`: "is not valid YAML or JSON",
		`{"configs": [{"dynamic_active_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": ["SECRET"]}}]}]}`:         "config dump: Cluster: does not match Envoy's API (line 1:",
		`{"configs": [{"dynamic_active_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "connectTimeout": "SECRET"}}]}]}`: "config dump: Cluster: does not match Envoy's API (line 1:",
		`{"configs": [{"dynamic_active_clusters": [{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "no_such_field": "SECRET"}}]}]}`:  `config dump: Cluster: does not match Envoy's API: unknown field "no_such_field" (line 1:`,
		`{"configs": ["SECRET"]}`:                              "config dump: an entry is not an object",
		`{"configs": [{"dynamic_active_clusters": "SECRET"}]}`: "config dump: ",
	} {
		var stdout, stderr output
		p := &program{features: catalog.Builtin, stdin: strings.NewReader(text), stdout: &stdout, stderr: &stderr}
		require.Equal(t, ExitUsage, run(t.Context(), []string{"render", "-f", "-"}, p))
		require.Contains(t, stderr.String(), want)
		require.NotContains(t, stderr.String(), "SECRET")
	}
}
