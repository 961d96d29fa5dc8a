package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindFilterPolicy is the kind of [FilterPolicy].
const KindFilterPolicy = "FilterPolicy"

// FilterPolicy adds an HTTP filter of Envoy to the filter chain. Only requests of its targets pass the
// filter.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=filterpolicies,categories=egraft;gateway-api,shortName=filterp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Filter",type=string,JSONPath=`.spec.filter.name`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
type FilterPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired configuration.
	//
	// +required
	Spec FilterPolicySpec `json:"spec"`

	// Status is written by Envoy Gateway. Accepted means that the target exists. It does
	// not cover egraft, which reports its outcome in Events.
	//
	// +optional
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// FilterPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type FilterPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FilterPolicy `json:"items"`
}

// FilterPolicySpec is the targets, the filter that their requests pass, and its position.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'GatewayClass', 'HTTPRoute', 'GRPCRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway, GatewayClass, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetSelectors must be of kind Gateway, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.upstream) || !self.upstream || !has(self.position) || (has(self.position.at) && self.position.at == 'BeforeRouter')",message="position must be BeforeRouter with upstream: true"
type FilterPolicySpec struct {
	// The filter applies to requests of the targets.
	PolicyTargets `json:",inline"`

	// Filter is the HTTP filter. It is in the filter chain, where it is disabled for all
	// requests except requests of the targets.
	//
	// +required
	Filter NamedFilter `json:"filter"`

	// Position is the position of the filter in the filter chain. The default is BeforeRouter.
	//
	// +optional
	Position *FilterPosition `json:"position,omitempty"`

	// Upstream adds the filter to the upstream HTTP filters of the targets' clusters, instead of
	// to the filter chain: it then processes each attempt of a request, after Envoy has chosen a
	// backend. The position must be BeforeRouter.
	//
	// +optional
	Upstream bool `json:"upstream,omitempty"`

	// PerRoute is the filter's configuration for routes, as protobuf JSON with an @type, if the
	// filter supports one. It overrides typedConfig for the targets. Changes to it do not
	// replace filter chains.
	//
	// +optional
	PerRoute *TypedConfig `json:"perRoute,omitempty"`

	// FailurePolicy is what to do with the target if the policy is invalid or cannot be
	// applied: Ignore leaves it unmodified, Deny rejects its requests.
	//
	// +optional
	// +kubebuilder:default=Ignore
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`

	// Effect is Enforce, or Shadow to report what the policy would do without changing
	// anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// NamedFilter is an HTTP filter of Envoy.
type NamedFilter struct {
	// Name identifies the filter within the namespace. Policies with different names are all in
	// effect. If several policies of a namespace have the same name, the most specific one is.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// TypedConfig is the configuration, as protobuf JSON with an @type. The operator decides
	// which filters a namespace may use (--namespace-rules).
	//
	// +required
	TypedConfig TypedConfig `json:"typedConfig"`
}

// TypedConfig is a message of Envoy's API in protobuf JSON. Field names are as in Envoy's
// documentation, or in lowerCamelCase.
//
// +kubebuilder:pruning:PreserveUnknownFields
type TypedConfig struct {
	// Type is the name of the message, with the prefix type.googleapis.com/.
	//
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^type\.googleapis\.com/[A-Za-z][A-Za-z0-9_.]*$`
	Type string `json:"@type"`

	// Raw is the whole message, including the type.
	Raw []byte `json:"-"`
}

// FilterPosition is a position in the filter chain, relative to Envoy Gateway's filters.
//
// +kubebuilder:validation:XValidation:rule="[has(self.at), has(self.before), has(self.after)].filter(x, x).size() == 1",message="set one of at, before and after"
type FilterPosition struct {
	// At is BeforeRouter for the position after all other filters, or First for the position
	// before them.
	//
	// +optional
	// +kubebuilder:validation:Enum=BeforeRouter;First
	At FilterPlace `json:"at,omitempty"`

	// Before is a kind of filters. The filter comes before them, or before their usual position
	// if there are none.
	//
	// +optional
	Before FilterKind `json:"before,omitempty"`

	// After is a kind of filters. The filter comes after them, or after their usual position if
	// there are none.
	//
	// +optional
	After FilterKind `json:"after,omitempty"`
}

// FilterPlace is a fixed place in the filter chain.
type FilterPlace string

const (
	// FilterBeforeRouter is after all other filters.
	FilterBeforeRouter FilterPlace = "BeforeRouter"
	// FilterFirst is before all other filters.
	FilterFirst FilterPlace = "First"
)

// FilterKind is a kind of HTTP filters in Envoy Gateway's filter order.
//
// +kubebuilder:validation:Enum=CustomResponse;HealthCheck;Fault;CORS;CSRF;HeaderMutation;ExtAuthz;APIKeyAuth;BasicAuth;OAuth2;JWTAuthn;SessionPersistence;Buffer;Lua;ExtProc;Wasm;DynamicModules;GeoIP;RBAC;LocalRateLimit;RateLimit;BandwidthLimit;GRPCWeb;GRPCStats;CredentialInjector;Compressor;DynamicForwardProxy
type FilterKind string
