package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// KindHTTPFilter is the kind of [HTTPFilter].
const KindHTTPFilter = "HTTPFilter"

// HTTPFilter is a route filter that adds an HTTP filter of Envoy. Requests that match a rule of an
// HTTPRoute or GRPCRoute pass it if the rule refers to it in a filter of type ExtensionRef.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=egraft;gateway-api,shortName=httpf
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.typedConfig['@type']`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type HTTPFilter struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the filter and its position.
	//
	// +required
	Spec HTTPFilterSpec `json:"spec"`

	// Status is written by egraft.
	//
	// +optional
	Status ConditionsStatus `json:"status,omitempty"`
}

// HTTPFilterList is a list of filters.
//
// +kubebuilder:object:root=true
type HTTPFilterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HTTPFilter `json:"items"`
}

// HTTPFilterSpec is the filter that requests of a rule pass, and its position.
//
// +kubebuilder:validation:XValidation:rule="!has(self.upstream) || !self.upstream || !has(self.position) || (has(self.position.at) && self.position.at == 'BeforeRouter')",message="position must be BeforeRouter with upstream: true"
type HTTPFilterSpec struct {
	// TypedConfig is the configuration, as protobuf JSON with an @type. The filter is in the filter
	// chain, where it is disabled for all requests except requests of rules that refer to it. The
	// operator decides which filters a namespace may use (--namespace-rules).
	//
	// +required
	TypedConfig TypedConfig `json:"typedConfig"`

	// Position is the position of the filter in the filter chain. The default is BeforeRouter.
	//
	// +optional
	Position *FilterPosition `json:"position,omitempty"`

	// Upstream adds the filter to the upstream HTTP filters of the rules' clusters, instead of to
	// the filter chain: it then processes each attempt of a request, after Envoy has chosen a
	// backend. The position must be BeforeRouter.
	//
	// +optional
	Upstream bool `json:"upstream,omitempty"`

	// PerRoute is the filter's configuration for routes, as protobuf JSON with an @type, if the
	// filter supports one. It overrides typedConfig for the rules. Changes to it do not replace
	// filter chains.
	//
	// +optional
	PerRoute *TypedConfig `json:"perRoute,omitempty"`

	// FailurePolicy is what to do with the rules if the filter is invalid or cannot be
	// applied: Ignore leaves them as they are without it, Deny rejects their requests.
	//
	// +optional
	// +kubebuilder:default=Ignore
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`

	// Effect is Enforce, or Shadow to report what the filter would do without changing
	// anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}
