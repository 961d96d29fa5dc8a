// Package v1alpha1 has the custom resources of egraft, API group egraft.io. The CRDs in
// crds/ are generated from it by `make generate`.
//
// It holds types and nothing that acts on them.
//
// +kubebuilder:object:generate=true
// +groupName=egraft.io
package v1alpha1

import "k8s.io/apimachinery/pkg/runtime/schema"

// GroupVersion is the API group and version of this package.
var GroupVersion = schema.GroupVersion{Group: "egraft.io", Version: "v1alpha1"}
