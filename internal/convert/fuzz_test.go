package convert_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/convert"
	"github.com/egraft/egraft/pkg/policy"
)

// FuzzRead reads arbitrary EnvoyPatchPolicies, and converts them with and without a dump.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/*/in.yaml")
	require.NoError(f, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
	}
	for _, text := range hostile() {
		f.Add([]byte(text))
	}
	w := world(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		policies, _, err := convert.Read(text, "default")
		if err != nil {
			return
		}
		convertible(t, policies, w)
		convertible(t, policies, nil)
	})
}

// FuzzOperation converts single operations on each kind of resource.
func FuzzOperation(f *testing.F) {
	f.Add("add", "/default_filter_chain/filters/0/typed_config/http_filters/0", "", `{"name": "a", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy"}}`)
	f.Add("add", "/virtual_hosts/0/routes/0/route/timeout", "", `"3s"`)
	f.Add("replace", "/circuit_breakers/thresholds/0", "", `{"priority": "HIGH"}`)
	f.Add("add", "/metadata/filter_metadata/a/b/0", "", `null`)
	f.Add("remove", "/transport_socket_matches/-1", "$..*", `[]`)
	f.Add("add", "/x", "$[?(@.a =~ /(a+)+$/)]", `1e999`)
	w := world(f)
	f.Fuzz(func(t *testing.T, op, path, jsonPath, value string) {
		p := &convert.Policy{Namespace: "default", Name: "fuzz"}
		p.Target.Kind = "GatewayClass"
		o := convert.Operation{Op: op, Path: &path, JSONPath: &jsonPath}
		if json.Valid([]byte(value)) {
			o.Value = json.RawMessage(value)
		}
		for kind, name := range map[string]string{
			"listener.v3.Listener": "default/eg/http", "route.v3.RouteConfiguration": "default/eg/http", "cluster.v3.Cluster": "httproute/default/web/rule/0",
		} {
			p.Patches = append(p.Patches, convert.Patch{Type: "type.googleapis.com/envoy.config." + kind, Name: name, Operation: o})
		}
		convertible(t, []*convert.Policy{p}, w)
		convertible(t, []*convert.Policy{p}, nil)
	})
}

// convertible checks that conversion ends in time, and that the output is valid and has no terminal escapes.
func convertible(t *testing.T, policies []*convert.Policy, w *convert.World) {
	t.Helper()
	begin := time.Now()
	c := converter(t, w)
	result := c.Convert(t.Context(), policies)
	text, err := result.Write()
	require.NoError(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		require.False(t, strings.HasPrefix(line, "#") && strings.ContainsAny(line, "\x1b\r\u202e\u2028"), "%q", line)
	}
	for _, o := range result.Objects {
		text, err := o.JSON()
		require.NoError(t, err)
		var kinds []policy.Kind
		for _, k := range c.Kinds {
			kinds = append(kinds, k.WithPermit(nil))
		}
		set, err := policy.NewSet(kinds, [][]byte{text})
		require.NoError(t, err)
		require.Equal(t, 1, set.Len())
		for _, k := range kinds {
			for _, read := range set.Of(k.GroupVersionKind) {
				require.NoError(t, read.Err)
			}
		}
	}
	require.Less(t, time.Since(begin), 20*time.Second)
}

// hostile returns documents that exhaust some resource if there are no limits.
func hostile() map[string]string {
	policy := func(operation string) string {
		return `{"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": {"name": "a"}, "spec": {"type": "JSONPatch", "jsonPatches": [` +
			`{"type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "default/eg/http", "operation": ` + operation + `}]}}`
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	return map[string]string{
		"deep value":     policy(`{"op": "add", "path": "/virtual_hosts/0/metadata/filter_metadata/a", "value": {"a": ` + deep + `}}`),
		"deep path":      policy(`{"op": "add", "path": "` + strings.Repeat("/a", 5000) + `", "value": 1}`),
		"long path":      policy(`{"op": "add", "path": "/` + strings.Repeat("a", 100_000) + `", "value": 1}`),
		"large value":    policy(`{"op": "add", "path": "/name", "value": "` + strings.Repeat("a", 2<<20) + `"}`),
		"great index":    policy(`{"op": "add", "path": "/virtual_hosts/99999999999999999999", "value": 1}`),
		"many descents":  policy(`{"op": "add", "jsonPath": "$` + strings.Repeat("..*", 50) + `", "path": "/x", "value": 1}`),
		"three descents": policy(`{"op": "add", "jsonPath": "$..*..*..*", "path": "/x", "value": 1}`),
		"list in a list": `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": []}]}`,
		"many":           `{"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": {"name": "a"}, "spec": {"type": "JSONPatch", "jsonPatches": [` + strings.Repeat(`{},`, 5000) + `{}]}}`,
		"terminal":       policy(`{"op": "\u001b[31m\n# ", "path": "\u202e\u2028", "value": 1}`),
		"long name":      `{"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": {"name": "` + strings.Repeat("é", 500) + `\n", "namespace": "\u001b"}, "spec": {"type": "JSONPatch", "jsonPatches": [{"type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "\u001b/eg/http", "operation": {"op": "add", "path": "/tcp_backlog_size", "value": 1}}]}}`,
	}
}

// TestHostile: documents that could exhaust a resource are rejected or converted in time.
func TestHostile(t *testing.T) {
	w := world(t)
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			policies, _, err := convert.Read([]byte(text), "default")
			if err != nil {
				require.Less(t, len(err.Error()), 1000)
				return
			}
			convertible(t, policies, w)
			convertible(t, policies, nil)
			for _, told := range converter(t, w).Convert(t.Context(), policies).Told {
				require.Less(t, len(told.String()), 2000)
			}
		})
	}
}
