//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/chart"
	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/parts"
)

// definitions are third-party CRDs by their module. Without them, an API server rejects the
// resources for them in deploy/.
var definitions = map[string]string{
	"github.com/cert-manager/cert-manager@v1.18.2":               "deploy/crds/crd-*.yaml",
	"github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd/*monitors.yaml",
	"github.com/spiffe/spire-controller-manager@v0.6.2":          "config/crd/bases/*spiffeids.yaml",
}

// downloadManifests obtains the modules that the tests of manifests read, while the network is
// available.
func downloadManifests(ctx context.Context) error {
	modules := make([]string, 0, len(definitions)+len(chart.Releases()))
	for module := range definitions {
		modules = append(modules, module)
	}
	for _, release := range chart.Releases() {
		modules = append(modules, "github.com/envoyproxy/gateway@"+release)
	}
	return command(ctx, "go", append([]string{"mod", "download"}, modules...)...)
}

// startServer starts an API server for one test.
func startServer(t *testing.T) *apiserver.Server {
	t.Helper()
	needs(t, here)
	dir := t.TempDir()
	needsParts(t, parts.APIServer)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "log"), 0o755))
	server, err := apiserver.Start(t.Context(), apiserver.Options{Dir: dir})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Stop()) })
	return server
}

// needsKubectl skips a test that runs kubectl, whose build takes minutes.
func needsKubectl(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs kubectl")
	}
}

// define applies egraft's CRDs.
func define(t *testing.T, server *apiserver.Server) {
	t.Helper()
	texts, err := crds.Texts()
	require.NoError(t, err)
	require.NoError(t, server.Admin.Define(t.Context(), texts...))
}

// TestRules: the API server rejects the resources of crds/testdata with the errors in those files.
func TestRules(t *testing.T) {
	server := startServer(t)
	define(t, server)
	require.NoError(t, server.Admin.Apply(t.Context(), "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"))
	each := 1
	if testing.Short() {
		each = 10
		t.Run("the other cases", func(t *testing.T) { t.Skip("with -short, a tenth of them: each takes a quarter of a second") })
	}
	for _, c := range []struct {
		folder   string
		accepted bool
	}{{"accepted", true}, {"rejected", false}} {
		files, err := filepath.Glob("../crds/testdata/*/" + c.folder + "/*.yaml")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for i, file := range files {
			if i%each != 0 {
				continue
			}
			t.Run(c.folder+"/"+filepath.Base(file), func(t *testing.T) {
				text, err := os.ReadFile(file)
				require.NoError(t, err)
				err = server.Admin.DryRun(t.Context(), string(text))
				if c.accepted {
					require.NoError(t, err)
					return
				}
				require.Error(t, err)
				for _, word := range words(t, file) {
					require.Contains(t, err.Error(), word)
				}
			})
		}
	}
}

// words returns the expected errors of the API server from the beginning of a file.
func words(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []string
	for line := range strings.Lines(string(content)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !ok {
			break
		}
		out = append(out, text)
	}
	require.NotEmpty(t, out)
	return out
}

// TestManifests: an API server accepts all of deploy/, and the charts with egraft, without an
// unknown field.
func TestManifests(t *testing.T) {
	if testing.Short() {
		t.Skip("needs Helm and kubectl")
	}
	server := startServer(t)
	admin := func(arguments ...string) {
		_, err := server.Kubectl.Run(t.Context(), arguments...)
		require.NoError(t, err)
	}
	programs, err := parts.Prepared(parts.Helm, parts.Kubectl)
	require.NoError(t, err)
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	renderer := &chart.Renderer{Helm: programs[parts.Helm], Kubectl: programs[parts.Kubectl], Root: root, Dir: t.TempDir(), Namespace: "envoy-gateway-system"}
	for _, namespace := range []string{"envoy-gateway-system", "egraft-system", "spire"} {
		admin("create", "namespace", namespace)
	}
	admin("apply", "--server-side", "--kustomize", "../crds")
	for module, pattern := range definitions {
		defineFrom(t, server, module, pattern)
	}
	charts := t.TempDir()
	for _, release := range chart.Releases() {
		require.NoError(t, chart.Prepare(t.Context(), release, filepath.Join(charts, release)))
	}
	newest := filepath.Join(charts, cluster.GatewayVersion)
	for _, file := range definitionsOf(t, newest) {
		admin("apply", "--server-side", "--force-conflicts", "--filename", file)
	}
	for _, release := range chart.Releases() {
		t.Run("chart "+release, func(t *testing.T) {
			rendered, err := renderer.PostRendered(t.Context(), filepath.Join(charts, release))
			require.NoError(t, err)
			require.NoError(t, dryRun(t.Context(), server, withoutDefinitions(string(rendered))))
		})
	}
	for _, folder := range []string{"demo", "spire", "monitoring/deployment", "deployment"} {
		t.Run(folder, func(t *testing.T) {
			require.NoError(t, dryRun(t.Context(), server, manifestsOf(t, server, filepath.Join("../deploy", folder))))
		})
	}
	t.Run("monitoring/sidecar", func(t *testing.T) {
		plain, err := renderer.Plain(t.Context(), newest)
		require.NoError(t, err)
		monitored := *renderer
		monitored.Root = withMonitoring(t)
		rendered, err := monitored.Kustomized(t.Context(), plain)
		require.NoError(t, err)
		require.Contains(t, string(rendered), "kind: PodMonitor")
		require.NoError(t, dryRun(t.Context(), server, withoutDefinitions(string(rendered))))
	})
	t.Run("an unknown field", func(t *testing.T) {
		err := dryRun(t.Context(), server, "{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: default}, dat: {}}")
		require.ErrorContains(t, err, `field not declared in schema`)
	})
}

// withMonitoring returns a copy of deploy/ in which the line that adds monitoring is uncommented.
func withMonitoring(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(root, "deploy"), os.DirFS("../deploy")))
	file := filepath.Join(root, "deploy", "chart", "kustomization.yaml")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := strings.Replace(string(content), "# - ../monitoring/sidecar", "- ../monitoring/sidecar", 1)
	require.NotEqual(t, string(content), changed)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o644))
	return root
}

// withoutDefinitions removes CRDs: an API server rejects those that are older than its own.
func withoutDefinitions(manifests string) string {
	documents := slices.DeleteFunc(strings.Split(manifests, "\n---\n"), func(document string) bool {
		return strings.Contains("\n"+document, "\nkind: CustomResourceDefinition\n")
	})
	return strings.Join(documents, "\n---\n")
}

// dryRun checks whether the API server would accept manifests.
func dryRun(ctx context.Context, server *apiserver.Server, manifests string) error {
	return server.Kubectl.Apply(ctx, manifests, "--dry-run=server")
}

// manifestsOf returns the manifests of a folder, as built by kustomize if the folder has a
// kustomization.
func manifestsOf(t *testing.T, server *apiserver.Server, folder string) string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(folder, "kustomization.yaml")); err == nil {
		out, err := server.Kubectl.Run(t.Context(), "kustomize", folder)
		require.NoError(t, err)
		return out
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var out []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		out = append(out, string(content))
	}
	return strings.Join(out, "\n---\n")
}

// definitionsOf returns the files with CRDs of a chart, including those of egraft's values.
func definitionsOf(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"crds/*.yaml", "crds/*/*.yaml", "charts/crds/crds/*.yaml", "charts/crds/crds/*/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		out = append(out, files...)
	}
	require.NotEmpty(t, out)
	return out
}

var templating = regexp.MustCompile(`(?m)^.*\{\{.*\n`)

// defineFrom applies the CRDs of a module, without Helm's directives.
func defineFrom(t *testing.T, server *apiserver.Server, module, pattern string) {
	t.Helper()
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(cache)), module, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files, module)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, server.Admin.Apply(t.Context(), templating.ReplaceAllString(string(content), "")), file)
	}
}
