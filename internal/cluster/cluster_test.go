package cluster

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	separate = `
metadata: {namespace: egraft-system, name: egraft-1}
spec: {serviceAccountName: egraft, containers: [{name: egraft, args: [serve, "--admin-address=:19111"]}]}
status: {containerStatuses: [{name: egraft, ready: true, state: {running: {}}}]}
`
	sidecar = `
metadata: {namespace: envoy-gateway-system, name: envoy-gateway-1}
spec:
  initContainers: [{name: egraft, args: [serve]}]
  containers: [{name: envoy-gateway}]
status: {initContainerStatuses: [{name: egraft, ready: true, state: {running: {}}}]}
---
metadata: {namespace: other, name: without}
spec: {containers: [{name: envoy-gateway}]}
`
	labels    = "?app.kubernetes.io/name=egraft"
	beside    = "?control-plane=envoy-gateway"
	allPods   = "/api/v1/pods"
	forbidden = "find egraft: list pods: forbidden: needs verb list on pods in all namespaces; see `kubectl auth can-i list pods --all-namespaces`, or use --egraft-namespace"
)

func TestEgrafts(t *testing.T) {
	none := list(t, "")
	for _, test := range []struct {
		name    string
		cfg     Config
		answers map[string]any
		want    []string
		err     string
	}{
		{"sidecar", Config{}, map[string]any{allPods + labels: none, allPods + beside: list(t, sidecar)}, []string{"envoy-gateway-system/envoy-gateway-1 19110"}, ""},
		{"pods of its own", Config{}, map[string]any{allPods + labels: list(t, separate), allPods + beside: none}, []string{"egraft-system/egraft-1 19111"}, ""},
		{
			"in two namespaces",
			Config{},
			map[string]any{allPods + labels: list(t, separate), allPods + beside: list(t, sidecar)},
			nil,
			"pods of egraft are in several namespaces: choose one with --egraft-namespace: egraft-system, envoy-gateway-system",
		},
		{
			"in one of two", Config{EgraftNamespace: "egraft-system"}, map[string]any{
				"/api/v1/namespaces/egraft-system/pods" + labels: list(t, separate), "/api/v1/namespaces/egraft-system/pods" + beside: none,
			}, []string{"egraft-system/egraft-1 19111"}, "",
		},
		{
			"nowhere",
			Config{EgraftNamespace: "a"},
			map[string]any{"/api/v1/namespaces/a/pods" + labels: none, "/api/v1/namespaces/a/pods" + beside: none},
			nil,
			"find egraft in namespace a: no pods with label app.kubernetes.io/name=egraft, or in a container named egraft next to Envoy Gateway",
		},
		{"not allowed", Config{}, map[string]any{allPods + labels: status(http.StatusForbidden, metav1.StatusReasonForbidden)}, nil, forbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			pods, err := at(t, test.cfg, server(t, test.answers)).Egrafts(t.Context())
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, p := range pods {
				require.True(t, p.Running && p.Ready, p)
				got = append(got, p.String()+" "+itoa(p.AdminPort))
			}
			require.Equal(t, test.want, got)
		})
	}
}

func TestResource(t *testing.T) {
	of := schema.GroupVersionKind{Group: "egraft.io", Version: "v1alpha1", Kind: "BufferPolicy"}
	resources := map[string]any{"kind": "APIResourceList", "resources": []any{
		map[string]any{"name": "bufferpolicies", "kind": "BufferPolicy", "namespaced": true},
		map[string]any{"name": "bufferpolicies/status", "kind": "BufferPolicy", "namespaced": true},
	}}
	c := at(t, Config{}, server(t, map[string]any{"/apis/egraft.io/v1alpha1": resources}))
	got, err := c.Resource(t.Context(), of)
	require.NoError(t, err)
	require.Equal(t, "bufferpolicies", got.Resource)
	for _, missing := range []schema.GroupVersionKind{of.GroupVersion().WithKind("Other"), {Group: "example.org", Version: "v1", Kind: "Other"}} {
		_, err = c.Resource(t.Context(), missing)
		require.ErrorIs(t, err, ErrNoKind)
		require.EqualError(t, err, missing.GroupVersion().String()+" Other: the API server does not serve this kind")
	}
}

func TestGet(t *testing.T) {
	of := schema.GroupVersionResource{Group: "egraft.io", Version: "v1alpha1", Resource: "bufferpolicies"}
	at := at(t, Config{}, server(t, map[string]any{
		"/apis/egraft.io/v1alpha1/namespaces/a/bufferpolicies/x": map[string]any{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": map[string]any{"name": "x"}},
		"/apis/egraft.io/v1alpha1/namespaces/a/bufferpolicies/y": status(http.StatusForbidden, metav1.StatusReasonForbidden),
		"/apis/egraft.io/v1alpha1/namespaces/a/bufferpolicies/u": status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized),
	}))
	o, err := at.Get(t.Context(), of, "a", "x")
	require.NoError(t, err)
	require.Equal(t, "x", o.GetName())
	_, err = at.Get(t.Context(), of, "a", "none")
	require.ErrorIs(t, err, ErrNotFound)
	require.EqualError(t, err, "get bufferpolicies.egraft.io a/none: not found")
	_, err = at.Get(t.Context(), of, "a", "y")
	require.EqualError(t, err, "get bufferpolicies.egraft.io a/y: forbidden: needs verb get on bufferpolicies.egraft.io in namespace a; "+
		"see `kubectl auth can-i get bufferpolicies.egraft.io --namespace a`")
	_, err = at.Get(t.Context(), of, "a", "u")
	require.EqualError(t, err, "get bufferpolicies.egraft.io a/u: the API server does not accept the credentials of the kubeconfig")
	ended, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err = at.Get(ended, of, "a", "x")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestEnvoys(t *testing.T) {
	const pods = `
metadata: {namespace: shop, name: envoy}
spec: {containers: [{name: envoy}, {name: shutdown-manager}]}
`
	own := "?app.kubernetes.io/managed-by=envoy-gateway,app.kubernetes.io/component=proxy,gateway.envoyproxy.io/owning-gateway-namespace=shop,gateway.envoyproxy.io/owning-gateway-name=eg"
	merged := "?app.kubernetes.io/managed-by=envoy-gateway,app.kubernetes.io/component=proxy,gateway.envoyproxy.io/owning-gatewayclass=all"
	c := at(t, Config{}, server(t, map[string]any{
		"/api/v1/namespaces/system/pods" + own: list(t, ""), "/api/v1/namespaces/shop/pods" + own: list(t, pods),
		"/api/v1/namespaces/system/pods" + merged: list(t, pods),
	}))
	for _, class := range []string{"", "all"} {
		got, err := c.Envoys(t.Context(), "system", "shop", "eg", class)
		require.NoError(t, err)
		require.Len(t, got, 1)
	}
	_, err := c.Envoys(t.Context(), "elsewhere", "shop", "none", "")
	require.ErrorIs(t, err, ErrNotFound)
}

func TestKubeconfig(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	_, err := Open(Config{})
	require.ErrorIs(t, err, ErrNoConfig)
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(`
clusters: [{name: c, cluster: {server: "https://example.org:6443"}}]
contexts: [{name: x, context: {cluster: c, user: u}}, {name: z, context: {cluster: c, user: u, namespace: shop}}]
users: [{name: u, user: {}}]
current-context: x
`), 0o600))
	c, err := Open(Config{Kubeconfig: path})
	require.NoError(t, err)
	require.Equal(t, "default", c.Namespace())
	require.Equal(t, "https://example.org:6443", c.Host())
	c, err = Open(Config{Kubeconfig: path, Context: "z"})
	require.NoError(t, err)
	require.Equal(t, "shop", c.Namespace())
	_, err = Open(Config{Kubeconfig: path, Context: "none"})
	require.EqualError(t, err, `read kubeconfig: context "none" does not exist`)
}
