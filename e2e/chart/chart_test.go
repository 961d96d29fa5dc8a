//go:build e2e

package chart

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/egraft/egraft/e2e/parts"
)

// gatewayDeployment is the only object of the chart that changes.
const gatewayDeployment = "Deployment gateways/envoy-gateway"

// TestCharts renders the chart of each release in all ways, in a namespace other than the default.
func TestCharts(t *testing.T) {
	r := renderer(t)
	for _, release := range Releases() {
		t.Run(release, func(t *testing.T) {
			chart := filepath.Join(t.TempDir(), "chart")
			require.NoError(t, Prepare(t.Context(), release, chart))
			text, err := r.Plain(t.Context(), chart)
			require.NoError(t, err)
			plain := objects(t, text)
			text, err = r.Kustomized(t.Context(), text)
			require.NoError(t, err)
			kustomized := objects(t, text)
			text, err = r.PostRendered(t.Context(), chart)
			require.NoError(t, err)
			rendered := objects(t, text)

			same(t, kustomized, rendered)
			added(t, plain, rendered)
			sidecar(t, r, plain[gatewayDeployment], rendered[gatewayDeployment])
			patched(t, r, plain[gatewayDeployment], rendered[gatewayDeployment])
		})
	}
}

func renderer(t *testing.T) *Renderer {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Helm")
	}
	store, err := parts.NewStore(os.Stderr)
	require.NoError(t, err)
	helm, err := store.Get(t.Context(), parts.Helm)
	require.NoError(t, err)
	kubectl, err := store.Get(t.Context(), parts.Kubectl)
	require.NoError(t, err)
	root, err := parts.Root()
	require.NoError(t, err)
	return &Renderer{Helm: helm, Kubectl: kubectl, Root: root, Dir: t.TempDir(), Namespace: "gateways"}
}

func objects(t *testing.T, text []byte) map[string]*unstructured.Unstructured {
	t.Helper()
	out, err := Objects(text)
	require.NoError(t, err)
	require.NotEmpty(t, out)
	return out
}

func same(t *testing.T, want, got map[string]*unstructured.Unstructured) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)))
	for id := range want {
		assert.Equal(t, want[id], got[id], id)
	}
}

// added checks that the chart's objects are unmodified, and that only permissions are new.
func added(t *testing.T, plain, rendered map[string]*unstructured.Unstructured) {
	t.Helper()
	require.Contains(t, plain, gatewayDeployment)
	rest := maps.Clone(rendered)
	for id := range plain {
		if id != gatewayDeployment {
			assert.Equal(t, plain[id], rendered[id], id)
		}
		delete(rest, id)
	}
	require.ElementsMatch(t, []string{
		"ClusterRole /egraft", "ClusterRole /egraft-envoy-gateway", "ClusterRoleBinding /egraft", "ClusterRoleBinding /egraft-envoy-gateway",
	}, slices.Collect(maps.Keys(rest)))
}

// sidecar removes egraft from the Deployment and checks that the rest equals the chart's.
func sidecar(t *testing.T, r *Renderer, plain, rendered *unstructured.Unstructured) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Root, "deploy", "component", "sidecar.yaml"))
	require.NoError(t, err)
	patch := pod(t, objects(t, text)["Deployment /envoy-gateway"])
	rest := rendered.DeepCopy()
	got := pod(t, rest)
	require.Equal(t, patch["initContainers"], got["initContainers"])
	delete(got, "initContainers")
	without(t, got, "volumes")
	without(t, got["containers"].([]any)[0].(map[string]any), "volumeMounts")
	if context := pod(t, plain)["securityContext"]; context == nil {
		// Charts before 1.9 have none.
		require.Equal(t, patch["securityContext"], got["securityContext"])
		delete(got, "securityContext")
	}
	require.Equal(t, plain, rest)
}

// without removes the item named egraft from a list that must contain exactly one.
func without(t *testing.T, from map[string]any, list string) {
	t.Helper()
	before := len(from[list].([]any))
	from[list] = slices.DeleteFunc(from[list].([]any), func(item any) bool { return item.(map[string]any)["name"] == "egraft" })
	require.Len(t, from[list], before-1, list)
}

func pod(t *testing.T, deployment *unstructured.Unstructured) map[string]any {
	t.Helper()
	spec, found, err := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template", "spec")
	require.NoError(t, err)
	require.True(t, found)
	return spec.(map[string]any)
}

// patched checks that `kubectl patch` gives the same pod.
func patched(t *testing.T, r *Renderer, plain, rendered *unstructured.Unstructured) {
	t.Helper()
	text, err := json.Marshal(plain)
	require.NoError(t, err)
	text, err = r.Patched(t.Context(), text)
	require.NoError(t, err)
	require.Equal(t, pod(t, rendered), pod(t, objects(t, text)[gatewayDeployment]))
}
