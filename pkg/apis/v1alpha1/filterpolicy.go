package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindFilterPolicy is the kind of [FilterPolicy].
const KindFilterPolicy = "FilterPolicy"

// FilterPolicy puts an HTTP filter of Envoy into the filter chain, for the requests of its targets
// and no others.
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

	// Status is written by Envoy Gateway. Accepted means that the target exists; it says
	// nothing about what egraft made of the policy.
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

// FilterPolicySpec says which filter the requests of the targets pass, and where.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetSelectors must be of kind Gateway, HTTPRoute or GRPCRoute"
type FilterPolicySpec struct {
	// The targets are those whose requests pass the filter.
	PolicyTargets `json:",inline"`

	// Filter is the HTTP filter. Its configuration is in the filter chain, where it is disabled
	// for all requests but those of the targets.
	//
	// +required
	Filter HTTPFilter `json:"filter"`

	// Position says where in the filter chain the filter is. The default is BeforeRouter.
	//
	// +optional
	Position *FilterPosition `json:"position,omitempty"`

	// PerRoute is configuration for the targets that overrides the filter's, as protobuf JSON with
	// an @type, if the filter has any for routes. Changes of it do not replace filter chains.
	//
	// +optional
	PerRoute *TypedConfig `json:"perRoute,omitempty"`

	// FailurePolicy says what to do with the target if the policy is invalid or cannot be
	// applied: Ignore leaves it as it is without the policy, Deny rejects its requests.
	//
	// +optional
	// +kubebuilder:default=Ignore
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`

	// Effect is Enforce, or Shadow to have egraft tell what the policy would do without
	// changing anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// HTTPFilter is an HTTP filter of Envoy.
type HTTPFilter struct {
	// Name tells the filters of a namespace apart. Policies with different names are in effect
	// beside each other. Of policies of one namespace with the same name, the most specific is.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// TypedConfig is the configuration, as protobuf JSON with an @type. Which filters a namespace may use is the
	// operator's to say (--namespace-rules).
	//
	// +required
	TypedConfig TypedConfig `json:"typedConfig"`
}

// TypedConfig is a message of Envoy's API in protobuf JSON. The names of fields are those of Envoy's
// documentation or their lowerCamelCase form.
//
// +kubebuilder:pruning:PreserveUnknownFields
type TypedConfig struct {
	// Type is the name of the message, behind type.googleapis.com/.
	//
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^type\.googleapis\.com/[A-Za-z][A-Za-z0-9_.]*$`
	Type string `json:"@type"`

	// Raw is the whole, with the type.
	Raw []byte `json:"-"`
}

// FilterPosition is a position in the filter chain, in terms of Envoy Gateway's filters.
//
// +kubebuilder:validation:XValidation:rule="[has(self.at), has(self.before), has(self.after)].filter(x, x).size() == 1",message="set one of at, before and after"
type FilterPosition struct {
	// At is BeforeRouter for behind all other filters, or First for in front of them.
	//
	// +optional
	// +kubebuilder:validation:Enum=BeforeRouter;First
	At FilterPlace `json:"at,omitempty"`

	// Before is the kind of filters in front of which the filter is, or of where they would be if
	// there are none.
	//
	// +optional
	Before FilterKind `json:"before,omitempty"`

	// After is the kind of filters behind which the filter is, or of where they would be if there
	// are none.
	//
	// +optional
	After FilterKind `json:"after,omitempty"`
}

// FilterPlace is a fixed place in the filter chain.
type FilterPlace string

const (
	// FilterBeforeRouter is behind all other filters.
	FilterBeforeRouter FilterPlace = "BeforeRouter"
	// FilterFirst is in front of all other filters.
	FilterFirst FilterPlace = "First"
)

// FilterKind is a kind of HTTP filters that Envoy Gateway has an order for.
//
// +kubebuilder:validation:Enum=CustomResponse;HealthCheck;Fault;CORS;CSRF;HeaderMutation;ExtAuthz;APIKeyAuth;BasicAuth;OAuth2;JWTAuthn;SessionPersistence;Buffer;Lua;ExtProc;Wasm;DynamicModules;GeoIP;RBAC;LocalRateLimit;RateLimit;BandwidthLimit;GRPCWeb;GRPCStats;CredentialInjector;Compressor;DynamicForwardProxy
type FilterKind string
