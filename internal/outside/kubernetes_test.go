package outside_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/cluster/clustertest"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/outside"
	"github.com/egraft/egraft/internal/wiring"
)

var buffer = wiring.Kind{Group: "egraft.io", Version: "v1alpha1", Kind: "BufferPolicy"}

const (
	resources = `{"kind": "APIResourceList", "resources": [{"name": "bufferpolicies", "kind": "BufferPolicy", "namespaced": true}]}`
	gatewayOf = `{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"namespace": "system", "name": "eg"}, "spec": {"containers": [{"name": "envoy-gateway"}]}}]}`
	configMap = `{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "envoy-gateway-config"}, "data": {"envoy-gateway.yaml": "{kind: EnvoyGateway, extensionManager: {policyResources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}, provider: {kubernetes: {watch: {namespaceSelector: {matchLabels: {a: b}}}}}}"}}`
	policyOf  = `{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": {"namespace": %q, "name": %q, "generation": 3},
		"status": {"ancestors": [{"ancestorRef": {"namespace": "shop", "name": "eg"}, "conditions": [{"type": "Accepted", "status": "True", "observedGeneration": 3}]}]}}`
)

// kubernetes returns the surroundings in a cluster with responses by path.
func kubernetes(t *testing.T, answers map[string]string) *outside.Kubernetes {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Kubeconfig: clustertest.Kubeconfig(t, answers, http.StatusNotFound)})
	require.NoError(t, err)
	return &outside.Kubernetes{Cluster: c, Needs: wiring.Needs{Policies: []wiring.Kind{buffer}}}
}

func TestKubernetes(t *testing.T) {
	const objects = "/apis/egraft.io/v1alpha1/namespaces/shop/bufferpolicies/"
	answers := map[string]string{
		"/apis/egraft.io/v1alpha1": resources, "/api/v1/pods": gatewayOf, "/api/v1/namespaces/system/configmaps/envoy-gateway-config": configMap,
		"/api/v1/namespaces/shop": `{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}}`,
		objects + "buffer":        fmt.Sprintf(policyOf, "shop", "buffer"),
		"/apis/egraft.io/v1alpha1/bufferpolicies": `{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicyList", "items": [` +
			fmt.Sprintf(policyOf, "shop", "buffer") + "," + fmt.Sprintf(policyOf, "web", "other") + `]}`,
	}
	k := kubernetes(t, answers)
	ask := func(k *outside.Kubernetes, p *explain.Policy) string {
		return known.Judge(k.Known(t.Context(), []*explain.Policy{p})[0]).Summary
	}
	require.Equal(t, "exists, generation 3 observed by Envoy Gateway; kind configured", ask(k, policy("buffer", "")))
	require.Equal(t, "BufferPolicy shop/bufer does not exist: did you mean shop/buffer?", ask(k, policy("bufer", "")))
	require.Equal(t, "BufferPolicy shop/other does not exist: did you mean web/other?", ask(k, policy("other", "")))
	unknown := policy("x", "")
	unknown.Kind = "Other"
	require.Equal(t, "kind configured; not examined: no enabled feature of egraft reads the kind", ask(k, unknown))

	old := maps.Clone(answers)
	old["/api/v1/pods"] = strings.Replace(gatewayOf, `"envoy-gateway"}`, `"envoy-gateway", "image": "docker.io/envoyproxy/gateway:v1.8.0@sha256:a"}`, 1)
	old[objects+"buffer"] = strings.Replace(fmt.Sprintf(policyOf, "shop", "buffer"), `"status"`, `"spec": {"targetRefs": [{"kind": "HTTPRoute", "name": "web"}, 1], "targetSelectors": [{"kind": "GRPCRoute"}]}, "status"`, 1)
	require.Equal(t, "Envoy Gateway before v1.9 does not send policies that target routes, and this is v1.8.0: BufferPolicy shop/buffer has no effect on HTTPRoute web, GRPCRoutes by label",
		ask(kubernetes(t, old), policy("buffer", "")))

	var many []*explain.Policy
	for range 10 {
		many = append(many, policy("buffer", ""))
	}
	delete(answers, objects+"buffer")
	for _, f := range kubernetes(t, answers).Known(t.Context(), many) {
		require.Equal(t, known.There, f.Exists, "many are listed at once")
	}
	require.Len(t, k.Objects(t.Context(), explain.Subject{Kind: "BufferPolicy"}), 2)
	require.Empty(t, k.Objects(t.Context(), explain.Subject{Kind: "Gateway"}))

	delete(answers, "/apis/egraft.io/v1alpha1")
	require.Equal(t, "the API server does not serve BufferPolicy.v1alpha1.egraft.io", ask(kubernetes(t, answers), policy("buffer", "")))
	delete(answers, "/api/v1/pods")
	require.Equal(t, "the API server does not serve BufferPolicy.v1alpha1.egraft.io", ask(kubernetes(t, answers), policy("buffer", "")))
}

// TestStandalone: the facts come from the files in Envoy Gateway's configuration.
func TestStandalone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	paths, err := json.Marshal([]string{filepath.Join(dir, "resources")})
	require.NoError(t, err)
	config := write("config.yaml", `{kind: EnvoyGateway, extensionManager: {policyResources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}, provider: {type: Custom, custom: {resource: {type: File, file: {paths: `+string(paths)+`}}}}}`)
	write("resources/policy.yaml", fmt.Sprintf(policyOf, "shop", "buffer"))
	write("resources/.hidden", fmt.Sprintf(policyOf, "shop", "hidden"))
	write("resources/below/policy.yaml", fmt.Sprintf(policyOf, "shop", "below"))
	s := &outside.Standalone{ConfigFile: config, Needs: wiring.Needs{Policies: []wiring.Kind{buffer}}}
	ask := func(name string) string {
		return known.Judge(s.Known(t.Context(), []*explain.Policy{policy(name, "")})[0]).Summary
	}
	require.Equal(t, "exists; kind configured", ask("buffer"))
	require.Equal(t, "BufferPolicy shop/bufer does not exist: did you mean shop/buffer?", ask("bufer"))
	require.Contains(t, ask("hidden"), "does not exist")
	require.Contains(t, ask("below"), "does not exist")
	write("resources/broken.yaml", "KEY: [")
	require.Equal(t, "kind configured; not examined: "+filepath.Join(dir, "resources/broken.yaml")+": document 1: is not a Kubernetes object", ask("buffer"))
	require.Nil(t, (&outside.Standalone{}).Known(t.Context(), []*explain.Policy{policy("a", "")})[0])
}
