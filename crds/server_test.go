package crds

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// server does to a custom resource what an API server does between the request and etcd.
type server struct {
	structural *schema.Structural
	schema     validation.SchemaValidator
	cel        *cel.Validator
}

func newServer(t *testing.T, props *apiextensions.JSONSchemaProps) *server {
	t.Helper()
	structural, err := schema.NewStructural(props)
	require.NoError(t, err)
	validator, _, err := validation.NewSchemaValidator(props)
	require.NoError(t, err)
	return &server{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

// store fills in defaults and drops unknown fields, in the API server's order.
// https://github.com/kubernetes/apiextensions-apiserver/blob/v0.36.3/pkg/apiserver/customresource_handler.go
func (s *server) store(object map[string]any) map[string]any {
	stored := runtime.DeepCopyJSON(object)
	defaulting.PruneNonNullableNullsWithoutDefaults(stored, s.structural)
	defaulting.Default(stored, s.structural)
	pruning.Prune(stored, s.structural, true)
	return stored
}

// errors returns the error messages of an API server for a create.
// https://github.com/kubernetes/apiextensions-apiserver/blob/v0.36.3/pkg/registry/customresource/strategy.go
func (s *server) errors(t *testing.T, object map[string]any) (texts []string) {
	t.Helper()
	stored := s.store(object)
	errs := validation.ValidateCustomResource(nil, stored, s.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, stored)...)
	if !blocking(errs) {
		more, _ := s.cel.Validate(t.Context(), nil, s.structural, stored, nil, celconfig.RuntimeCELCostBudget)
		errs = append(errs, more...)
	}
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	return texts
}

// blocking reports whether the errors prevent the evaluation of CEL rules.
func blocking(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
