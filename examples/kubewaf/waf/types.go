package waf

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var gvk = schema.GroupVersionKind{Group: "waf.kubewaf.io", Version: "v1beta1", Kind: "WAF"}

// WAF is the part of kubeWAF's custom resource that the feature reads. kubeWAF's operator owns the
// CRD and its validation.
type WAF struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              Spec `json:"spec"`
}

// Spec lists the filters of a WAF.
type Spec struct {
	Provider struct {
		Type        string `json:"type,omitempty"`
		ECDSCluster string `json:"ecdsCluster,omitempty"`
	} `json:"provider,omitzero"`
	Challenge *struct {
		Enabled *bool `json:"enabled,omitempty"`
	} `json:"challenge,omitempty"`
}

// UnmarshalJSON ignores other fields, because egraft rejects unknown fields in a spec and this
// feature does not read the rules.
func (s *Spec) UnmarshalJSON(b []byte) error {
	type spec Spec
	return json.Unmarshal(b, (*spec)(s))
}
