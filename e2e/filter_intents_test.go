//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// filterIntents are filters that users add to a listener's filter chain with an EnvoyPatchPolicy,
// with the source of the request and the effect that shows that Envoy has the filter.
var filterIntents = map[string]struct {
	from   string
	filter string
	effect filterEffect
}{
	"Lua": {
		"gateway#4627",
		`{name: lua, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string:
			"function envoy_on_response(handle) handle:headers():add('x-lua', 'yes') end"}}}`,
		header("x-lua", "yes"),
	},
	"cross-site request forgery": {
		"gateway#8835",
		`{name: csrf, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filter_enabled: {default_value: {numerator: 100}},
			additional_origins: [{exact: partner.example.org}]}}`,
		forgeryIsRejected,
	},
	"response cache": {
		"keiretsu-labs/kubernetes-manifests#1681",
		`{name: cache, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig, typed_config:
			{"@type": type.googleapis.com/envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig}}}`,
		responseIsCached,
	},
}

// TestFilterIntents: a FilterPolicy of a listener has the same result in the filter chain and in
// traffic as the EnvoyPatchPolicy for the same purpose, even if Envoy Gateway adds filters to the
// chain.
func TestFilterIntents(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--namespace-rules", "namespaces=*;filters=lua,cache"}})
	backend := f.countingBackend(filterBackend)
	f.filteredRoute(filteredHost, backend.port)
	f.until(filteredHost, "a response", envoy.Status(200))
	require.Len(t, f.chain(f.soon()), 1, "the router")
	for wish, intent := range filterIntents {
		f.run(wish, func(f *fixture) {
			var filter object
			require.NoError(f.t, yaml.Unmarshal([]byte(strings.ReplaceAll(intent.filter, "\t", " ")), &filter))
			name := "filter-" + fmt.Sprint(filter["name"])
			f.apply(name, filterPatch(f.t, filter))
			f.wait("what the EnvoyPatchPolicy does", func(ctx context.Context) error { return f.is(ctx, intent.effect, filteredHost, true) })
			wanted := f.chain(f.soon())
			require.Len(f.t, wanted, 2)
			f.must(f.Delete(f.ctx, name))
			f.wait("the world without it", func(ctx context.Context) error { return f.is(ctx, intent.effect, filteredHost, false) })

			f.apply(name, ofListener(f.t, filter))
			f.wait("what the FilterPolicy does", func(ctx context.Context) error { return f.is(ctx, intent.effect, filteredHost, true) })
			require.Equal(f.t, wanted, f.chain(f.soon()))
			f.apply("cors", corsOfTheRoute)
			f.wait("a filter of Envoy Gateway behind it", func(ctx context.Context) error {
				if got := f.chain(ctx); len(got) != 3 || got[0] != wanted[0] || got[2] != wanted[1] {
					return fmt.Errorf("the chain is %s", got)
				}
				return f.is(ctx, intent.effect, filteredHost, true)
			})
		})
		f.wait("the world without the policies", func(ctx context.Context) error {
			if got := f.chain(ctx); len(got) != 1 {
				return fmt.Errorf("the chain is %s", got)
			}
			return nil
		})
	}
	f.healthy(f.soon())
}

// corsOfTheRoute makes Envoy Gateway add its own filter.
const corsOfTheRoute = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: cors, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: web}]
  cors: {allowOrigins: ["https://shop.example.com"]}
`

// filterPatch puts a filter before all others.
func filterPatch(t *testing.T, filter object) string {
	t.Helper()
	return marshalled(t, object{
		"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": object{"name": filter["name"], "namespace": "default"},
		"spec": object{
			"type": "JSONPatch", "targetRef": object{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"},
			"jsonPatches": []object{{"type": listenerType, "name": xdsListener("http"), "operation": object{
				"op": "add", "path": "/default_filter_chain/filters/0/typed_config/http_filters/0",
				"value": object{"name": filter["name"], "typed_config": filter["typedConfig"]},
			}}},
		},
	})
}

func ofListener(t *testing.T, filter object) string {
	t.Helper()
	return marshalled(t, object{
		"apiVersion": "egraft.io/v1alpha1", "kind": "FilterPolicy", "metadata": object{"name": filter["name"], "namespace": "default"},
		"spec": object{
			"targetRefs": []object{{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg", "sectionName": "http"}},
			"position":   object{"at": "First"}, "filter": filter,
		},
	})
}

// chain returns the configurations of the HTTP filters of the listener http in JSON.
func (f *fixture) chain(ctx context.Context) []string {
	f.t.Helper()
	var listener struct {
		Chain struct {
			Filters []struct {
				Config struct {
					HTTPFilters []struct {
						Config map[string]any `json:"typed_config"`
					} `json:"http_filters"`
				} `json:"typed_config"`
			} `json:"filters"`
		} `json:"default_filter_chain"`
	}
	require.NoError(f.t, json.Unmarshal([]byte(f.configured(ctx, "dynamic_listeners "+xdsListener("http"))), &listener))
	require.Len(f.t, listener.Chain.Filters, 1)
	var out []string
	for _, h := range listener.Chain.Filters[0].Config.HTTPFilters {
		text, err := json.Marshal(h.Config)
		require.NoError(f.t, err)
		out = append(out, string(text))
	}
	return out
}
