package crds

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/utils/ptr"
)

// TestEveryRuleHasACase: for each rule, the result of at least one case changes if the rule is
// removed.
func TestEveryRuleHasACase(t *testing.T) {
	if testing.Short() {
		t.Skip("checks the cases of CRDs, not the CRDs")
	}
	for _, crd := range definitions(t) {
		cases := samples(t, folder(crd, "rejected"))
		assert.Empty(t, untested(t, schemaOf(crd), cases), crd.Name)
	}
}

func TestUntestedRulesAreFound(t *testing.T) {
	name := apiextensions.JSONSchemaProps{
		Type: "string", Pattern: "^a", MaxLength: ptr.To[int64](3),
		XValidations: apiextensions.ValidationRules{{Rule: "self != 'abc'"}},
	}
	schema := &apiextensions.JSONSchemaProps{
		Type: "object", Required: []string{"spec"},
		Properties: map[string]apiextensions.JSONSchemaProps{"spec": {
			Type: "object", Required: []string{"name"},
			Properties: map[string]apiextensions.JSONSchemaProps{"name": name},
		}},
	}
	cases := []sample{{object: parse(t, []byte("spec: {name: b}"))}, {object: parse(t, []byte("spec: {}"))}}
	assert.Equal(t, []string{"required spec", "spec.name maxLength", "spec.name rule self != 'abc'"}, untested(t, schema, cases))
}

// untested returns the rules whose removal changes the errors of no case.
func untested(t *testing.T, schema *apiextensions.JSONSchemaProps, cases []sample) (names []string) {
	t.Helper()
	var before [][]string
	whole := newServer(t, schema)
	for _, c := range cases {
		before = append(before, whole.errors(t, c.object))
	}
	for i, r := range rules(t, schema) {
		if r.isDefault {
			continue
		}
		copied := schema.DeepCopy()
		rules(t, copied)[i].remove()
		without := newServer(t, copied)
		noticed := false
		for j, c := range cases {
			noticed = noticed || !slices.Equal(before[j], without.errors(t, c.object))
		}
		if !noticed {
			names = append(names, r.name)
		}
	}
	return names
}

// unusedDefaults returns the defaults whose removal changes the stored object of no case.
func unusedDefaults(t *testing.T, schema *apiextensions.JSONSchemaProps, cases []sample) (names []string) {
	t.Helper()
	whole := newServer(t, schema)
	for i, r := range rules(t, schema) {
		if !r.isDefault {
			continue
		}
		copied := schema.DeepCopy()
		rules(t, copied)[i].remove()
		without := newServer(t, copied)
		if !slices.ContainsFunc(cases, func(s sample) bool { return !reflect.DeepEqual(whole.store(s.object), without.store(s.object)) }) {
			names = append(names, r.name)
		}
	}
	return names
}

// rule is a restriction or a default in a schema, and a function that removes it.
type rule struct {
	name      string
	isDefault bool
	remove    func()
}

// rules returns the rules of everything that a user writes, in a fixed order. It excludes the
// status, which is Gateway API's type and written by Envoy Gateway, and types, which are not
// considered rules.
func rules(t *testing.T, schema *apiextensions.JSONSchemaProps) []rule {
	t.Helper()
	return append(own(t, "", schema), child(t, "spec", schema.Properties, "spec")...)
}

// below returns the rules of a schema and of its fields and items.
func below(t *testing.T, path string, s *apiextensions.JSONSchemaProps) []rule {
	t.Helper()
	all := own(t, path, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		all = append(all, child(t, path+"."+name, s.Properties, name)...)
	}
	if s.Items != nil && s.Items.Schema != nil {
		all = append(all, below(t, path+"[]", s.Items.Schema)...)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		all = append(all, below(t, path+"{}", s.AdditionalProperties.Schema)...)
	}
	return all
}

// child returns the rules of a field. Fields are values in a map, so a change must be stored back.
func child(t *testing.T, path string, fields map[string]apiextensions.JSONSchemaProps, name string) []rule {
	t.Helper()
	s := fields[name]
	all := below(t, path, &s)
	for i, r := range all {
		all[i].remove = func() { r.remove(); fields[name] = s }
	}
	return all
}

// own returns the rules of a schema itself.
func own(t *testing.T, path string, s *apiextensions.JSONSchemaProps) (all []rule) {
	t.Helper()
	add := func(name string, set bool, remove func()) {
		if set {
			all = append(all, rule{strings.TrimSpace(path + " " + name), false, remove})
		}
	}
	add("pattern", s.Pattern != "", func() { s.Pattern = "" })
	add("enum", s.Enum != nil, func() { s.Enum = nil })
	add("minimum", s.Minimum != nil, func() { s.Minimum = nil })
	add("maximum", s.Maximum != nil, func() { s.Maximum = nil })
	add("minLength", s.MinLength != nil, func() { s.MinLength = nil })
	add("maxLength", s.MaxLength != nil, func() { s.MaxLength = nil })
	add("minItems", s.MinItems != nil, func() { s.MinItems = nil })
	add("maxItems", s.MaxItems != nil, func() { s.MaxItems = nil })
	add("minProperties", s.MinProperties != nil, func() { s.MinProperties = nil })
	add("maxProperties", s.MaxProperties != nil, func() { s.MaxProperties = nil })
	add("listType", s.XListType != nil && *s.XListType != "atomic", func() { s.XListType, s.XListMapKeys = nil, nil })
	for i, name := range s.Required {
		add("required "+name, true, func() { s.Required = slices.Delete(s.Required, i, i+1) })
	}
	for i, v := range s.XValidations {
		add("rule "+v.Rule, true, func() { s.XValidations = slices.Delete(s.XValidations, i, i+1) })
	}
	if s.Default != nil {
		all = append(all, rule{path + " default", true, func() { s.Default = nil }})
	}
	requireKnown(t, path, s)
	return all
}

// requireKnown fails for keywords that the rules above do not cover.
func requireKnown(t *testing.T, path string, s *apiextensions.JSONSchemaProps) {
	t.Helper()
	others := apiextensions.JSONSchemaProps{
		MultipleOf: s.MultipleOf, UniqueItems: s.UniqueItems,
		AllOf: s.AllOf, OneOf: s.OneOf, AnyOf: s.AnyOf, Not: s.Not,
		PatternProperties: s.PatternProperties, Dependencies: s.Dependencies, AdditionalItems: s.AdditionalItems,
	}
	if s.XIntOrString { // which defines the type
		others.AnyOf = nil
	}
	if s.Type != "integer" { // whose format is part of the type
		others.Format = s.Format
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema == nil {
		others.AdditionalProperties = s.AdditionalProperties
	}
	require.Equal(t, apiextensions.JSONSchemaProps{}, others, "%s has a keyword that this test does not know yet", path)
}
