// Package crds checks the generated CRDs with the API server's own code: that it accepts them, what
// it stores of a custom resource, and which resources it rejects with which errors. Resources from
// files never reach an API server, so egraft's own validation must reject the same ones.
package crds

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

const kustomizationFile = "kustomization.yaml"

// definitions reads all CRDs, by file name.
func definitions(t *testing.T) map[string]*apiextensions.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	crds := map[string]*apiextensions.CustomResourceDefinition{}
	for _, name := range files {
		if name != kustomizationFile {
			crds[name] = definition(t, name)
		}
	}
	require.NotEmpty(t, crds)
	return crds
}

// definition reads a CRD as an API server does; unknown fields are errors.
func definition(t *testing.T, name string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	var external apiextensionsv1.CustomResourceDefinition
	require.NoError(t, yaml.UnmarshalStrict(raw, &external), name)
	apiextensionsv1.SetObjectDefaults_CustomResourceDefinition(&external)
	crd := new(apiextensions.CustomResourceDefinition)
	require.NoError(t, apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(&external, crd, nil))
	for _, v := range crd.Spec.Versions {
		if v.Storage {
			crd.Status.StoredVersions = []string{v.Name} // as the API server sets it
		}
	}
	return crd
}

func TestAPIServerTakesDefinitions(t *testing.T) {
	for name, crd := range definitions(t) {
		assert.Empty(t, validation.ValidateCustomResourceDefinition(t.Context(), crd), name)
	}
}

// TestAPIServerRefusesExpensiveRules: the API server limits the cost of CEL rules. Without a bound
// on the list, a rule over its items has no limit.
func TestAPIServerRefusesExpensiveRules(t *testing.T) {
	crd := definition(t, "egraft.io_backendmtlspolicies.yaml")
	spec := schemaOf(crd).Properties["spec"]
	peers := spec.Properties["peers"]
	peers.MaxItems = nil
	spec.Properties["peers"] = peers

	errs := validation.ValidateCustomResourceDefinition(t.Context(), crd)
	require.NotEmpty(t, errs)
	for _, err := range errs {
		assert.Equal(t, field.ErrorTypeForbidden, err.Type)
		assert.Regexp(t, "estimated rule cost .*exceed", err.Detail)
	}
}

func TestKustomizationListsEveryDefinition(t *testing.T) {
	raw, err := os.ReadFile(kustomizationFile)
	require.NoError(t, err)
	var kustomization struct {
		APIVersion, Kind string
		Resources        []string
	}
	require.NoError(t, yaml.UnmarshalStrict(raw, &kustomization))
	assert.Equal(t, slices.Sorted(maps.Keys(definitions(t))), kustomization.Resources)
	assert.Equal(t, "kustomize.config.k8s.io/v1beta1 Kustomization", kustomization.APIVersion+" "+kustomization.Kind)
}

// TestEveryDefinitionHasCases: each CRD has a folder of resources, named after the singular.
func TestEveryDefinitionHasCases(t *testing.T) {
	var singulars []string
	for _, crd := range definitions(t) {
		singulars = append(singulars, crd.Spec.Names.Singular)
	}
	folders, err := filepath.Glob("testdata/*")
	require.NoError(t, err)
	for i := range folders {
		folders[i] = filepath.Base(folders[i])
	}
	assert.ElementsMatch(t, singulars, folders)
}

// schemaOf returns the schema of a CRD's only version.
func schemaOf(crd *apiextensions.CustomResourceDefinition) *apiextensions.JSONSchemaProps {
	if v := crd.Spec.Versions[0].Schema; v != nil {
		return v.OpenAPIV3Schema
	}
	return crd.Spec.Validation.OpenAPIV3Schema // the conversion moves a schema common to all versions here
}
