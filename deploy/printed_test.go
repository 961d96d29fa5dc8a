package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/egraft/egraft/internal/wiring"
)

// printed returns a directory that a command of egraft wrote.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	require.Empty(t, egraft(t, append(args, "--output-dir", dir)...))
	return dir
}

// requireSameFiles requires the files that a command wrote to equal those in a folder, byte for
// byte.
func requireSameFiles(t *testing.T, folder, written string) {
	t.Helper()
	entries, err := os.ReadDir(written)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		require.Equal(t, read(t, filepath.Join(written, e.Name())), read(t, filepath.Join(folder, e.Name())), e.Name())
	}
}

// TestPrintedPermissions: the permissions that egraft prints are those in rbac.
func TestPrintedPermissions(t *testing.T) {
	requireSameFiles(t, "rbac", printed(t, "config", "rbac"))
	require.Equal(t, read(t, "rbac/envoy-gateway.yaml")+"---\n"+read(t, "rbac/egraft.yaml"), egraft(t, "config", "rbac"))
}

// TestPrintedDefinitions: the CRDs that egraft prints are those in crds, and none is missing.
func TestPrintedDefinitions(t *testing.T) {
	dir := printed(t, "config", "crds")
	requireSameFiles(t, "../crds", dir)
	want, err := filepath.Glob("../crds/*.yaml")
	require.NoError(t, err)
	got, err := filepath.Glob(dir + "/*.yaml")
	require.NoError(t, err)
	require.Len(t, got, len(want))
}

// overlay builds a component that egraft printed, with Envoy Gateway as rendered by its chart.
func overlay(t *testing.T, dir, gateway string) resmap.ResMap {
	t.Helper()
	above := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(above, "egraft"), os.DirFS(dir)))
	require.NoError(t, os.WriteFile(filepath.Join(above, "envoy-gateway.yaml"), []byte(gateway), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(above, "kustomization.yaml"),
		[]byte("resources: [envoy-gateway.yaml]\ncomponents: [egraft]\n"), 0o600))
	out, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), above)
	require.NoError(t, err)
	return out
}

func text(t *testing.T, all resmap.ResMap) string {
	t.Helper()
	out, err := all.AsYaml()
	require.NoError(t, err)
	return string(out)
}

// TestPrintedOverlay: the printed component has the same effect as the component here, with the
// same values.
func TestPrintedOverlay(t *testing.T) {
	dir := printed(t, "config", "kustomize")
	require.Equal(t, text(t, build(t, "chart")), text(t, overlay(t, dir, plain)))
	require.Equal(t, read(t, "helm/values.yaml"), read(t, filepath.Join(dir, "values.yaml")))
}

// TestPrintedOverlayOfAnotherBuild: a custom build prints its own image, program and settings.
func TestPrintedOverlayOfAnotherBuild(t *testing.T) {
	dir := printed(t, "config", "kustomize", "--image", "registry.example:5000/a/b:v1", "--program", "/bin/b",
		"--disable-features", "hedge", "--namespace-rules", `namespaces=*;workloadIdentifiers=/ns/{namespace}/*`)
	sidecar := object[appsv1.Deployment](t, overlay(t, dir, plain), "Deployment", "envoy-gateway").Spec.Template.Spec.InitContainers[0]
	require.Equal(t, "registry.example:5000/a/b:v1", sidecar.Image)
	require.Equal(t, "/bin/b", sidecar.StartupProbe.Exec.Command[0])
	require.Equal(t, "/bin/b", sidecar.LivenessProbe.Exec.Command[0])
	cfg := settings(t, &sidecar)
	require.Equal(t, []string{"hedge"}, cfg.DisabledFeatures)
	require.Len(t, cfg.NamespaceRules, 1)
	require.NotContains(t, read(t, filepath.Join(dir, "values.yaml")), "HedgeFilter")
	require.NotContains(t, read(t, filepath.Join(dir, "rbac/envoy-gateway.yaml")), "hedgefilters")
}

// TestPrintedConfigMap: if the ConfigMap is uncommented, Envoy Gateway has egraft's settings.
func TestPrintedConfigMap(t *testing.T) {
	dir := printed(t, "config", "kustomize", "--envoy-gateway-namespace", "gateways")
	file := filepath.Join(dir, "kustomization.yaml")
	const commented, in = "  # - path: envoy-gateway-config.yaml\n  #   target:\n  #     kind: ConfigMap\n  #     name: envoy-gateway-config\n",
		"  - path: envoy-gateway-config.yaml\n    target:\n      kind: ConfigMap\n      name: envoy-gateway-config\n"
	before := read(t, file)
	require.Contains(t, before, commented)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(before, commented, in, 1)), 0o600))
	configMap := plain + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: envoy-gateway-config, namespace: gateways}\ndata: {envoy-gateway.yaml: old}\n"
	got := object[corev1.ConfigMap](t, overlay(t, dir, configMap), "ConfigMap", "envoy-gateway-config")
	require.Equal(t, "gateways", got.Namespace)
	c, err := wiring.Parse([]byte(got.Data["envoy-gateway.yaml"]))
	require.NoError(t, err)
	require.Equal(t, "/var/run/egraft/egraft.sock", c.Managers()[0].Socket())
}
