package waf

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var gvk = schema.GroupVersionKind{Group: "waf.kubewaf.io", Version: "v1beta1", Kind: "WAF"}

// WAF is what the feature reads of kubeWAF's custom resource, whose CRD and validation are its
// operator's.
type WAF struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              Spec `json:"spec"`
}

// Spec says which filters a WAF has.
type Spec struct {
	Provider struct {
		Type        string `json:"type,omitempty"`
		ECDSCluster string `json:"ecdsCluster,omitempty"`
	} `json:"provider,omitzero"`
	Challenge *struct {
		Enabled *bool `json:"enabled,omitempty"`
	} `json:"challenge,omitempty"`
}

// UnmarshalJSON leaves out the other fields. egraft is strict about those of a spec, and rules are
// not its business.
func (s *Spec) UnmarshalJSON(b []byte) error {
	type spec Spec
	return json.Unmarshal(b, (*spec)(s))
}
