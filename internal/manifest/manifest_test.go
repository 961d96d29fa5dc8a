package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/manifest"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

func kind(group, name string) policy.Kind {
	return policy.NewKind[struct{}](schema.GroupVersionKind{Group: group, Version: "v1", Kind: name}, nil)
}

func definition(group, kind, plural string) string {
	return "kind: CustomResourceDefinition\nspec: {group: " + group + ", names: {kind: " + kind + ", plural: " + plural + "}}\n"
}

func parse(t *testing.T, file string) []manifest.CRD {
	t.Helper()
	crds, err := manifest.ParseCRDs([]byte(file))
	require.NoError(t, err)
	return crds
}

func TestParseCRDs(t *testing.T) {
	crds := parse(t, "---\n"+definition("a.io", "Boss", "bosses")+"---\n# second\n"+definition("b.io", "B", "bs"))
	require.Equal(t, []manifest.CRD{
		{"a.io", "Boss", "bosses", "---\n" + definition("a.io", "Boss", "bosses")},
		{"b.io", "B", "bs", "---\n# second\n" + definition("b.io", "B", "bs")},
	}, crds)
	for text, want := range map[string]string{
		"kind: Deployment":                       "read a CRD: a document is not of kind CustomResourceDefinition, with group and names in its spec",
		definition("a.io", "Boss", `""`):         "read a CRD: a document is not of kind CustomResourceDefinition, with group and names in its spec",
		definition("a.io", "B", "bs") + "---\n[": "read a CRD: error converting YAML to JSON: yaml: line 1: did not find expected node content",
	} {
		_, err := manifest.ParseCRDs([]byte(text))
		require.EqualError(t, err, want)
	}
}

// TestGroups: each API group has a rule of its own, a CRD determines the name of a resource, and
// only CRDs of existing features are in the build.
func TestGroups(t *testing.T) {
	features := []mutator.Feature{
		{Policies: []policy.Kind{kind("b.io", "Mouse"), kind("a.io", "APolicy")}},
		{Filters: []policy.Kind{kind("b.io", "Filter").WithConditions("filterz")}, Backends: []policy.Kind{kind("c.io", "Other")}},
	}
	b := manifest.New(features, append(parse(t, definition("b.io", "Mouse", "mice")), parse(t, definition("a.io", "Mouse", "mouses"))...))
	require.Equal(t, []string{"APolicy.a.io", "Filter.b.io", "Other.c.io"}, b.Missing())

	crds := b.CRDs()
	require.Len(t, crds, 2)
	require.Equal(t, manifest.File{"b.io_mice.yaml", "---\n" + definition("b.io", "Mouse", "mice")}, crds[0])
	require.Contains(t, crds[1].Text, "resources:\n  - b.io_mice.yaml\n")

	rbac := b.RBAC("gateways")
	require.Contains(t, rbac[0].Text, `rules:
  - apiGroups: [a.io]
    resources: [apolicies]
    verbs: [get, list, watch]
  - apiGroups: [b.io]
    resources: [filterz, mice]
    verbs: [get, list, watch]
  - apiGroups: [c.io]
    resources: [others]
    verbs: [get, list, watch]
  # The whole status of policies. Envoy Gateway does not write the status of filters and backends.
  - apiGroups: [a.io]
    resources: [apolicies/status]
    verbs: [update]
  - apiGroups: [b.io]
    resources: [mice/status]
    verbs: [update]
---
`)
	require.Contains(t, rbac[0].Text, "    namespace: gateways\n")
	require.Contains(t, rbac[1].Text, `
  - apiGroups: [b.io]
    resources: [filterz]
    verbs: [get]
  - apiGroups: [b.io]
    resources: [filterz/status]
    verbs: [patch]
---
`)
}

// TestWithoutCustomResources: a feature may have no custom resources.
func TestWithoutCustomResources(t *testing.T) {
	b := manifest.New([]mutator.Feature{{Name: "plain"}}, nil)
	require.Empty(t, b.CRDs())
	require.Contains(t, b.RBAC("x")[0].Text, "\nrules:\n  []\n---\n")
}
