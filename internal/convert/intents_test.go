package convert_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// intent is an entry of e2e/testdata/patch-intents.yaml, with the fields that an EnvoyPatchPolicy needs.
type intent struct {
	Wish, Of     string
	Add, Replace map[string]any
	Remove       []string
}

type object = map[string]any

// places are the places of e2e/patch_intents_test.go: the type of a resource, its name, and a path in it.
var places = map[string][3]string{
	"HTTPConnectionManager": {"listener.v3.Listener", "default/eg/http", "/default_filter_chain/filters/0/typed_config"},
	"Listener":              {"listener.v3.Listener", "default/eg/http", ""},
	"TLSListener":           {"listener.v3.Listener", "default/eg/https", ""},
	"FilterChain":           {"listener.v3.Listener", "default/eg/https", "/filter_chains/0"},
	"DownstreamTLS":         {"listener.v3.Listener", "default/eg/https", "/filter_chains/0/transport_socket/typed_config"},
	"RouteConfiguration":    {"route.v3.RouteConfiguration", "default/eg/http", ""},
	"VirtualHost":           {"route.v3.RouteConfiguration", "default/eg/http", "/virtual_hosts/0"},
	"Route":                 {"route.v3.RouteConfiguration", "default/eg/http", "/virtual_hosts/0/routes/0"},
	"Cluster":               {"cluster.v3.Cluster", "httproute/default/web/rule/0", ""},
}

func readIntents(t *testing.T) (all []intent) {
	t.Helper()
	text, err := os.ReadFile("../../e2e/testdata/patch-intents.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &all))
	return all
}

// envoyPatchPolicy returns an EnvoyPatchPolicy with the operations of intents.
func envoyPatchPolicy(t *testing.T, intents ...intent) []byte {
	t.Helper()
	var patches []object
	for _, i := range intents {
		p := places[i.Of]
		add := func(op, path string, value any) {
			path = strings.Replace(path, "http_filters/0", "http_filters/3", 1) // the router of testdata/dump.yaml
			patches = append(patches, object{"type": "type.googleapis.com/envoy.config." + p[0], "name": p[1], "operation": object{"op": op, "path": p[2] + path, "value": value}})
		}
		for _, path := range slices.Sorted(maps.Keys(i.Add)) {
			add("add", path, i.Add[path])
		}
		for _, path := range slices.Sorted(maps.Keys(i.Replace)) {
			add("replace", path, i.Replace[path])
		}
		for _, path := range i.Remove {
			add("remove", path, nil)
		}
	}
	text, err := yaml.Marshal(object{
		"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": object{"name": "intents", "namespace": "default"},
		"spec": object{"type": "JSONPatch", "jsonPatches": patches, "targetRef": object{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "eg"}},
	})
	require.NoError(t, err)
	return text
}
