package tenancy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/tenancy"
)

// filterPolicy returns a FilterPolicy with a filter and more fields.
func filterPolicy(name, filter, more string) string {
	return fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":"FilterPolicy","metadata":{"namespace":"shop","name":%q},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"a"}],
		"filter":{"name":"a","typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.%s}}%s}}`, name, filter, more)
}

// httpFilter returns the HTTPFilter with the same filter and fields.
func httpFilter(name, filter, more string) string {
	return fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":"HTTPFilter","metadata":{"namespace":"shop","name":%q},"spec":{
		"typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.%s}%s}}`, name, filter, more)
}

// TestFiltersNeedAGrant: by default a namespace may use confined filters only; a grant names
// others.
func TestFiltersNeedAGrant(t *testing.T) {
	const (
		lua   = `lua.v3.Lua"`
		web   = `grpc_web.v3.GrpcWeb"`
		head  = `header_mutation.v3.HeaderMutation"`
		reads = `header_mutation.v3.HeaderMutation","mutations":{"requestMutations":[{"append":{"header":{"key":"a","value":"%ENVIRONMENT(TOKEN)%"}}}]}`
		needs = "spec.filter.typedConfig: Forbidden: namespace shop may not use the filter lua: the operator can grant it by filters of --namespace-rules"
	)
	for _, c := range []struct{ rules, filter, more, want string }{
		{"", web, "", ""},
		{"", lua, "", needs},
		{"namespaces=*", lua, "", needs},
		{"namespaces=*;filters=cache", lua, "", needs},
		{"namespaces=pay;filters=* namespaces=*", lua, "", needs},
		{"namespaces=*;filters=cache,lua", lua, "", ""},
		{"namespaces=*;filters=*", lua, "", ""},
		{"", reads, "", "is not a command that all namespaces may use"},
		{"namespaces=*;filters=lua", reads, "", "the operator can grant it to namespace shop by filters=header_mutation of --namespace-rules"},
		{"namespaces=*;filters=header_mutation", reads, "", ""},
		{"", web, `,"perRoute":{"@type":"type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy"}`, "spec.perRoute: Forbidden: the filter grpc_web has no configuration for routes"},
		{"", head, `,"perRoute":{"@type":"type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute","mutations":{"requestMutations":[{"remove":"host"}]}}`, "spec.perRoute.mutations.request_mutations[0]: Forbidden: changes the header host"},
		{"", head, `,"position":{"at":"First"}`, "spec.position: Forbidden: must be BeforeRouter"},
		{"", head, `,"position":{"at":"BeforeRouter"}`, ""},
	} {
		for _, object := range []string{filterPolicy("a", c.filter, c.more), httpFilter("a", c.filter, c.more)} {
			o := read(t, tenancy.Restrictions{Rules: rules(t, c.rules)}, object)[0]
			if c.want == "" {
				require.NoError(t, o.Err, c)
				continue
			}
			require.ErrorContains(t, o.Err, strings.Replace(c.want, "spec.filter.", "spec.", strings.Count(object, "HTTPFilter")), c)
		}
	}
}

// TestExamplesOfThePage: each policy in docs/filter-policy.md is valid with the grants that the
// page names.
func TestExamplesOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/filter-policy.md")
	require.NoError(t, err)
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Len(t, examples, 14)
	for _, e := range examples {
		first, _, _ := strings.Cut(e[1], "---\n")
		raw, err := yaml.YAMLToJSON([]byte(first))
		require.NoError(t, err)
		o := read(t, tenancy.Restrictions{Rules: rules(t, "namespaces=*;filters=cache,lua,wasm,grpc_json_transcoder")}, string(raw))[0]
		require.NoError(t, o.Err, "%s", e[1])
	}
}

func TestFiltersOfRules(t *testing.T) {
	for text, want := range map[string]string{
		"namespaces=*;filters=router":    `rules[0].filters[0]: Invalid value: "router": must be the name of an HTTP filter that Envoy's standard build has, such as lua, or * for all`,
		"namespaces=*;filters=*,lua":     `rules[0].filters[0]: Invalid value: "*": must be the only one`,
		"namespaces=*;gatewayClasses=Eg": `rules[0].gatewayClasses[0]: Invalid value: "Eg": must be the name of a GatewayClass, its beginning and an asterisk (shared-*), or * for all`,
		"namespaces=*;filters=":          `rules[0].filters: Invalid value: []: must not be empty; omit it to permit everything`,
	} {
		r, err := tenancy.ParseRules(text)
		require.NoError(t, err)
		require.EqualError(t, r.Validate(field.NewPath("rules")).ToAggregate(), want)
	}
}

// TestFiltersOfANamespace: the newest FilterPolicies and HTTPFilters exceed the limit.
func TestFiltersOfANamespace(t *testing.T) {
	for kind, of := range map[string]func(name, filter, more string) string{"FilterPolicy": filterPolicy, "HTTPFilter": httpFilter} {
		var all []string
		for i := range 4 {
			all = append(all, of(fmt.Sprint("p", i), `grpc_web.v3.GrpcWeb"`, ""))
		}
		objects := read(t, tenancy.Restrictions{}, all...)
		past := tenancy.Limits{Filters: 3}.Excess(objects)
		require.Len(t, past, 1)
		require.ErrorContains(t, past[objects[3]], "Forbidden: 3 other objects of kind "+kind+" of namespace shop have precedence, which is the limit of --max-filters-per-namespace")
		require.Empty(t, tenancy.Limits{}.Excess(objects), "no limit")
	}
}
