//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/parts"
)

// object is a message in protobuf's JSON form.
type object = map[string]any

// resources are the resources of an in.yaml or out.yaml, by kind.
type resources map[string][]object

// TestEnvoyTakesGoldenOutputs: the real Envoy accepts the mutators' output for their golden cases.
// It detects unknown extensions and dangling references, which the messages' own validation cannot.
// Cases whose input Envoy rejects, such as one about malformed input, are skipped.
func TestEnvoyTakesGoldenOutputs(t *testing.T) {
	needs(t, here)
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	validate := func(t *testing.T, r resources) error { return validated(t, programs[parts.Envoy], r) }

	outputs := found(t, "out.yaml")
	taken := map[string]int{}
	for _, out := range outputs {
		folder := filepath.Dir(out)
		feature := filepath.Dir(filepath.Dir(folder))
		t.Run(filepath.Base(feature)+"/"+filepath.Base(folder), func(t *testing.T) {
			rejected := validate(t, readResources(t, out))
			if rejected == nil {
				taken[feature]++
				return
			}
			if err := validate(t, readResources(t, filepath.Join(folder, "in.yaml"))); err != nil {
				t.Logf("Envoy rejects the input: %v", err)
				return
			}
			t.Errorf("Envoy accepts the input and rejects the output: %v", rejected)
		})
	}
	for _, out := range outputs {
		feature := filepath.Dir(filepath.Dir(filepath.Dir(out)))
		assert.NotZero(t, taken[feature], "cases of %s that Envoy accepts", feature)
	}
}

// found returns the files with a name in the cases of the built-in features and of the examples.
func found(t *testing.T, name string) (all []string) {
	t.Helper()
	for _, features := range []string{"../pkg/features/*", "../examples/*/*"} {
		files, err := filepath.Glob(filepath.Join(features, "testdata/*", name))
		require.NoError(t, err)
		require.NotEmpty(t, files, features)
		all = append(all, files...)
	}
	return all
}

// TestEnvoyRejectsWrongResources: the check of the test above detects invalid resources.
func TestEnvoyRejectsWrongResources(t *testing.T) {
	needs(t, here)
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	router := object{"name": "r", "match": object{"prefix": "/"}, "route": object{"cluster": "c"}}
	require.NoError(t, validated(t, programs[parts.Envoy], resources{"Route": {router}}))
	router["typedPerFilterConfig"] = object{"f": object{"@type": "type.googleapis.com/of.no.such.Message"}}
	require.Error(t, validated(t, programs[parts.Envoy], resources{"Route": {router}}))
	static := object{"name": "c", "type": "STATIC", "connectTimeout": "1s", "lbPolicy": "CLUSTER_PROVIDED"}
	require.Error(t, validated(t, programs[parts.Envoy], resources{"Cluster": {static}}))
	delete(static, "lbPolicy")
	require.NoError(t, validated(t, programs[parts.Envoy], resources{"Cluster": {static}}))
}

// readResources returns the resources of a case, those of the last call if there are several.
func readResources(t *testing.T, path string) resources {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct {
		Resources resources
		Calls     []struct{ Resources resources }
	}
	require.NoError(t, yaml.Unmarshal(content, &file))
	if len(file.Calls) > 0 {
		return file.Calls[len(file.Calls)-1].Resources
	}
	return file.Resources
}

// validated validates resources with Envoy, and returns its error.
func validated(t *testing.T, program string, r resources) error {
	t.Helper()
	content, err := json.Marshal(bootstrap(r))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "bootstrap.json")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	out, err := exec.CommandContext(t.Context(), program, "--mode", "validate", "--log-level", "error", "-c", path).CombinedOutput()
	if strings.Contains(string(out), fmt.Sprintf("configuration '%s' OK", path)) {
		return nil // after this line, Envoy 1.39.1 crashes if it has a dynamic forward proxy and an SDS service by google_grpc
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// bootstrap returns a bootstrap with the resources as static ones. Resources that Envoy only gets
// from a control plane are placed inside a static one.
func bootstrap(r resources) object {
	listeners := append([]object{}, r["Listener"]...)
	configurations := append([]object{}, r["RouteConfiguration"]...)
	hosts := append([]object{}, r["VirtualHost"]...)
	if routes := r["Route"]; len(routes) > 0 {
		hosts = append(hosts, object{"name": "routes", "domains": []string{"routes"}, "routes": routes})
	}
	if len(hosts) > 0 {
		configurations = append(configurations, object{"name": "hosts", "virtualHosts": hosts})
	}
	for i, c := range configurations {
		listeners = append(listeners, serving(fmt.Sprintf("validate-%d", i), c))
	}
	for i, l := range listeners {
		if l["internalListener"] != nil {
			continue
		}
		l["address"] = object{"socketAddress": object{"address": "127.0.0.1", "portValue": 10000 + i}} // each listener has its own
		withoutStandIns(l)
	}
	ads := object{"apiType": "GRPC", "transportApiVersion": "V3", "grpcServices": []object{{"envoyGrpc": object{"clusterName": "validate-ads"}}}}
	control := object{
		"name": "validate-ads", "type": "STATIC", "connectTimeout": "1s", "loadAssignment": object{"clusterName": "validate-ads"},
		"typedExtensionProtocolOptions": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
			"@type":              "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
			"explicitHttpConfig": object{"http2ProtocolOptions": object{}},
		}},
	}
	return object{
		"node": object{"id": "validate", "cluster": "validate"},
		"bootstrapExtensions": []object{{
			"name":        "envoy.bootstrap.internal_listener",
			"typedConfig": object{"@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"},
		}},
		"dynamicResources": object{"adsConfig": ads},
		"staticResources":  object{"clusters": append([]object{control}, r["Cluster"]...), "listeners": listeners, "secrets": r["Secret"]},
	}
}

// serving returns a listener with the routes, whose clusters need not exist.
func serving(name string, routes object) object {
	inline := object{"validateClusters": false}
	for k, v := range routes {
		inline[k] = v
	}
	return object{
		"name": name,
		"filterChains": []object{{"filters": []object{{
			"name": "envoy.filters.network.http_connection_manager",
			"typedConfig": object{
				"@type":       "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
				"statPrefix":  name,
				"routeConfig": inline,
				"httpFilters": []object{{
					"name":        "envoy.filters.http.router",
					"typedConfig": object{"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
				}},
			},
		}}}},
	}
}

// withoutStandIns removes the HTTP filters that stand in for real ones in cases: their
// configuration is an empty message.
func withoutStandIns(value any) {
	switch v := value.(type) {
	case object:
		if filters, ok := v["httpFilters"].([]any); ok {
			v["httpFilters"] = slices.DeleteFunc(filters, func(f any) bool {
				config, _ := f.(object)["typedConfig"].(object)
				return config["@type"] == "type.googleapis.com/google.protobuf.Empty"
			})
		}
		for _, inner := range v {
			withoutStandIns(inner)
		}
	case []any:
		for _, inner := range v {
			withoutStandIns(inner)
		}
	}
}
