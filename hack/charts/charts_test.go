//go:build e2e

package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/egraft/egraft/e2e/chart"
	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/internal/version"
)

// next is a chart version that differs from that of the checkout.
const next = "v9.8.7"

type manifests map[string]*unstructured.Unstructured

// renderer returns a renderer with the charts of a version.
func renderer(t *testing.T, namespace string) *chart.Renderer {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Helm")
	}
	store, err := parts.NewStore(os.Stderr)
	require.NoError(t, err)
	r := &chart.Renderer{Dir: t.TempDir(), Namespace: namespace}
	r.Helm, err = store.Get(t.Context(), parts.Helm)
	require.NoError(t, err)
	r.Kubectl, err = store.Get(t.Context(), parts.Kubectl)
	require.NoError(t, err)
	r.Root, err = parts.Root()
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), next, []string{r.Dir}))
	return r
}

func objectsOf(t *testing.T, text []byte, err error) manifests {
	t.Helper()
	require.NoError(t, err)
	out, err := chart.Objects(text)
	require.NoError(t, err)
	return out
}

// kustomized returns the objects of a folder.
func kustomized(t *testing.T, folder string) manifests {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	require.NoError(t, err)
	text, err := built.AsYaml()
	return objectsOf(t, text, err)
}

// crds returns the CRDs of the repository, with the annotation that makes Helm keep them.
func crds(t *testing.T, root string) manifests {
	t.Helper()
	out := kustomized(t, filepath.Join(root, "crds"))
	for _, crd := range out {
		annotations := crd.GetAnnotations()
		annotations["helm.sh/resource-policy"] = "keep"
		crd.SetAnnotations(annotations)
	}
	return out
}

func same(t *testing.T, want, got manifests) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for id := range want {
		assert.Equal(t, want[id].Object, got[id].Object, id)
	}
}

// TestOwn: egraft's chart renders the same objects as deploy/deployment, except the namespace,
// which Helm creates, and the CRDs, which are applied before. Without cert-manager it renders no
// certificates.
func TestOwn(t *testing.T) {
	r := renderer(t, "egraft-system")
	want := kustomized(t, filepath.Join(r.Root, "deploy", "deployment"))
	delete(want, "Namespace /egraft-system")
	maps.Copy(want, crds(t, r.Root))
	text, err := r.Template(t.Context(), filepath.Join(r.Dir, ownChart), "--set", "image.tag="+version.Release)
	same(t, want, objectsOf(t, text, err))
	text, err = r.Template(t.Context(), filepath.Join(r.Dir, ownChart))
	require.NoError(t, err)
	require.Contains(t, string(text), "image: "+version.Image+":"+next, "the release's image")

	_, err = r.Template(t.Context(), filepath.Join(r.Root, "deploy", "charts", ownChart), "--set", "crds.enabled=false")
	require.ErrorContains(t, err, "go run ./hack/charts DIR")

	text, err = r.Template(t.Context(), filepath.Join(r.Dir, ownChart), "--set", "image.tag="+version.Release+",tls.certManager=false,crds.enabled=false")
	maps.DeleteFunc(want, func(id string, _ *unstructured.Unstructured) bool {
		kind, _, _ := strings.Cut(id, " ")
		return slices.Contains([]string{"Issuer", "Certificate", "CustomResourceDefinition"}, kind)
	})
	same(t, want, objectsOf(t, text, err))
}

// TestMonitoring: if monitoring is enabled, the chart renders the objects of deploy/monitoring for
// a separate Deployment.
func TestMonitoring(t *testing.T) {
	r := renderer(t, "egraft-system")
	text, err := r.Template(t.Context(), filepath.Join(r.Dir, ownChart))
	without := objectsOf(t, text, err)
	text, err = r.Template(t.Context(), filepath.Join(r.Dir, ownChart), "--set", "monitoring.enabled=true")
	got := objectsOf(t, text, err)
	for id := range without {
		delete(got, id)
	}
	want := kustomized(t, filepath.Join(r.Root, "deploy", "monitoring", "deployment"))
	for _, rule := range kustomized(t, filepath.Join(r.Root, "deploy", "monitoring", "alerts")) {
		rule.SetNamespace("egraft-system")
		want["PrometheusRule egraft-system/egraft"] = rule
	}
	same(t, want, got)
}

// TestValues: the values that a user sets reach the objects.
func TestValues(t *testing.T) {
	r := renderer(t, "own")
	text, err := r.Template(t.Context(), filepath.Join(r.Dir, ownChart), "--set", strings.Join([]string{
		"image.repository=registry.example.com/egraft", "image.tag=v1", "image.pullPolicy=Always", "replicas=3",
		"extraArgs[0]=--log-level=debug", "extraEnv[0].name=GOGC", `extraEnv[0].value="50"`, "envoyGateway.namespace=gateways",
		"podDisruptionBudget.enabled=false", "nodeSelector.disk=ssd", "podAnnotations.team=edge", "priorityClassName=high",
	}, ","))
	got := objectsOf(t, text, err)
	require.NotContains(t, got, "PodDisruptionBudget own/egraft")
	for _, part := range []string{
		"image: registry.example.com/egraft:v1", "imagePullPolicy: Always", "replicas: 3", "- --log-level=debug", "name: GOGC", "disk: ssd",
		"team: edge", "priorityClassName: high", "kubernetes.io/metadata.name: gateways", "dnsNames: [egraft.own.svc]",
	} {
		require.Contains(t, string(text), part)
	}
}

// TestWrapped: Envoy Gateway's chart with egraft renders the same objects as the post-renderer
// makes of Envoy Gateway's own chart, and the CRDs.
func TestWrapped(t *testing.T) {
	r := renderer(t, "gateways")
	plain := filepath.Join(r.Dir, "plain")
	require.NoError(t, chart.Prepare(t.Context(), cluster.GatewayVersion, plain))
	text, err := r.PostRendered(t.Context(), plain)
	want := objectsOf(t, text, err)
	maps.Copy(want, crds(t, r.Root))
	text, err = r.Template(t.Context(), filepath.Join(r.Dir, wrappedChart), "--set", "egraft.image.tag="+version.Release)
	got := objectsOf(t, text, err)
	for _, objects := range []manifests{want, got} {
		for _, o := range objects {
			normalize(o.Object)
		}
	}
	same(t, want, got)

	text, err = r.Template(t.Context(), filepath.Join(r.Dir, wrappedChart), "--set", "egraft.crds.enabled=false,egraft.extraArgs[0]=--log-level=debug")
	require.NotContains(t, objectsOf(t, text, err), "CustomResourceDefinition /bufferpolicies.egraft.io")
	require.Contains(t, string(text), "- --log-level=debug")
}

// normalize removes the labels with the version of a chart, and sorts volumes and their mounts,
// whose order has no meaning.
func normalize(value any) {
	switch v := value.(type) {
	case map[string]any:
		delete(v, "helm.sh/chart")
		delete(v, "app.kubernetes.io/version")
		for name, below := range v {
			normalize(below)
			if list, isList := below.([]any); isList && (name == "volumes" || name == "volumeMounts") {
				slices.SortFunc(list, func(a, b any) int { return strings.Compare(nameOf(a), nameOf(b)) })
			}
		}
	case []any:
		for _, below := range v {
			normalize(below)
		}
	}
}

func nameOf(value any) string {
	name, _ := value.(map[string]any)["name"].(string)
	return name
}

// TestLint: Helm's linter reports no problems.
func TestLint(t *testing.T) {
	r := renderer(t, "egraft-system")
	out, err := exec.CommandContext(t.Context(), r.Helm, "lint", "--strict", filepath.Join(r.Dir, ownChart), filepath.Join(r.Dir, wrappedChart)).CombinedOutput()
	require.NoError(t, err, string(out))
}
