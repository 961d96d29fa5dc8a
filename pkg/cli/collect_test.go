package cli

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/cluster/clustertest"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/redact/redacttest"
)

// unpacked returns the files of a bundle, and those of recordings in it, by name without directory.
func unpacked(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	out := map[string]string{}
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		text, err := io.ReadAll(files)
		require.NoError(t, err)
		_, name, _ := strings.Cut(h.Name, "/")
		out[name] = string(text)
		if strings.HasSuffix(name, "recording.tar.gz") {
			r, err := recording.Read(strings.NewReader(string(text)))
			require.NoError(t, err)
			for _, c := range r.Calls {
				for _, l := range c.Resources {
					for _, raw := range l.Encoded {
						out[name+" resources"] += string(raw)
					}
				}
			}
		}
	}
}

// dumping serves the administration interface of an Envoy, with the resources and their secrets.
func dumping(t *testing.T, all []*redacttest.Translation) string {
	t.Helper()
	lists, secret := map[string][]string{}, 0
	add := func(list, form string, m proto.Message) {
		packed, err := anypb.New(m)
		require.NoError(t, err)
		text, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Marshal(packed)
		if err != nil {
			return // Envoy would not use it
		}
		secret += strings.Count(string(text), redacttest.Marker)
		lists[list] = append(lists[list], fmt.Sprintf(form, text))
	}
	for _, g := range all {
		for _, m := range g.Clusters {
			add("dynamic_active_clusters", `{"cluster": %s}`, m)
		}
		for _, m := range g.Listeners {
			add("dynamic_listeners", `{"name": "l", "active_state": {"listener": %s}, "error_state": {"details": "inline_string: `+redacttest.Marker+`"}}`, m)
		}
		for _, m := range g.Routes {
			add("dynamic_route_configs", `{"route_config": %s}`, m)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch resource := r.URL.Query().Get("resource"); {
		case r.URL.Path == "/server_info":
			_, _ = io.WriteString(w, `{"state": "LIVE", "command_line_options": {"config_yaml": "`+redacttest.Marker+`"}}`)
		case resource != "":
			_, _ = io.WriteString(w, `{"configs": [`+strings.Join(lists[resource], ",")+`]}`)
		}
	}))
	t.Cleanup(s.Close)
	require.Positive(t, secret)
	return strings.TrimPrefix(s.URL, "http://")
}

// collected returns what `egraft collect` collects from an egraft and an Envoy.
func collected(t *testing.T, address string, all []*redacttest.Translation) map[string]string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "envoy-gateway.yaml")
	require.NoError(t, os.WriteFile(config, []byte("kind: EnvoyGateway\nrateLimit: {backend: {redis: {url: "+redacttest.Marker+"}}}\nextensionManager: {name: egraft}\n"), 0o600))
	path := filepath.Join(t.TempDir(), "bundle.tar.gz")
	got := egraft(t.Context(), nil, "collect", path, "--admin-address", address, "--envoy-gateway-config", config, "--envoy-admin", dumping(t, all))
	require.Equal(t, 0, got.code, got.stderr)
	files := unpacked(t, path)
	for _, name := range []string{"versions.json", "doctor.json", "doctor.txt", "explain.json", "missing.txt"} {
		require.NotEmpty(t, files[name], name)
	}
	require.Contains(t, files["envoy-gateway.json"], `"name": "egraft"`)
	for name := range files {
		if strings.HasSuffix(name, "/config.jsonl") {
			require.Greater(t, strings.Count(files[name], "\n"), 1000)
			require.Contains(t, files[name], `"[redacted]"`)
		}
	}
	return files
}

func TestCollectInCluster(t *testing.T) {
	pod := `{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"namespace": "system", "name": "eg"}, "spec": {
		"initContainers": [{"name": "egraft", "image": "egraft:1", "args": ["serve"], "env": [{"name": "X", "value": "KEY"}]}], "containers": [{"name": "envoy-gateway", "args": ["--KEY"]}]},
		"status": {"initContainerStatuses": [{"name": "egraft", "state": {"running": {}}}]}}]}`
	event := func(namespace, kind, note string) string {
		return fmt.Sprintf(`{"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"namespace": %q, "name": "a", "annotations": {"a": "KEY"}}, "regarding": {"kind": %q}, "note": %q}`, namespace, kind, note)
	}
	kubeconfig := clustertest.Kubeconfig(t, map[string]string{
		"/version": `{"gitVersion": "v1.36.3"}`, "/api/v1/pods": pod,
		"/api/v1/namespaces/system/pods/eg/log":                     "reload token=KEY\n",
		"/api/v1/namespaces/system/configmaps/envoy-gateway-config": `{"apiVersion": "v1", "kind": "ConfigMap", "data": {"envoy-gateway.yaml": "{kind: EnvoyGateway, extensionManager: {name: egraft}, rateLimit: {backend: {redis: {url: KEY}}}}"}}`,
		"/apis/egraft.io/v1alpha1":                                  `{"kind": "APIResourceList", "resources": [{"name": "bufferpolicies", "kind": "BufferPolicy", "namespaced": true}]}`,
		"/apis/egraft.io/v1alpha1/bufferpolicies":                   bufferPolicies,
		"/apis/events.k8s.io/v1/events": `{"apiVersion": "events.k8s.io/v1", "kind": "EventList", "items": [` +
			event("shop", "BufferPolicy", "of a policy") + "," + event("shop", "Pod", "KEY") + "," + event("system", "Pod", "of a pod") + `]}`,
	}, http.StatusForbidden)
	path := filepath.Join(t.TempDir(), "bundle.tar.gz")
	got := egraft(t.Context(), nil, "collect", path, "--kubeconfig", kubeconfig)
	require.Equal(t, 0, got.code, got.stderr)
	files := unpacked(t, path)
	for name, text := range files {
		require.NotContains(t, text, "KEY", name)
	}
	require.Contains(t, files["kubernetes.json"], "v1.36.3")
	require.Contains(t, files["logs/system_eg/egraft.log"], "reload token=[redacted]\n")
	require.Contains(t, files["objects/BufferPolicy.json"], `"name": "buffer"`)
	require.Contains(t, files["events.json"], "of a policy")
	require.Contains(t, files["events.json"], "of a pod")
	require.Contains(t, files["pods.json"], `"image": "egraft:1"`)
	require.Contains(t, files["envoy-gateway.json"], `"name": "egraft"`)
	require.Contains(t, files["missing.txt"], "objects/Gateway.json: list gateways.gateway.networking.k8s.io: forbidden: needs verb list")
	require.Contains(t, files["missing.txt"], "explain.json: ")
	require.Contains(t, got.stderr, "egraft: missing: objects/Gateway.json: list gateways")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())

	again := egraft(t.Context(), nil, "collect", path, "--kubeconfig", kubeconfig)
	require.Equal(t, 1, again.code)
	require.Contains(t, again.stderr, "file exists")
}
