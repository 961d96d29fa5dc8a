package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindBufferPolicy is the kind of [BufferPolicy].
const KindBufferPolicy = "BufferPolicy"

// BufferPolicy makes Envoy buffer requests to its target until they are complete, up to a
// limit, or only limits how much of a body Envoy may buffer.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=bufferpolicies,categories=egraft;gateway-api,shortName=bufp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Max",type=string,JSONPath=`.spec.maxRequestBytes`
// +kubebuilder:printcolumn:name="Disabled",type=boolean,JSONPath=`.spec.disabled`,priority=1
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
type BufferPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired configuration.
	//
	// +required
	Spec BufferPolicySpec `json:"spec"`

	// Status is written by Envoy Gateway. Accepted means that the target exists. It does
	// not cover egraft, which reports its outcome in Events.
	//
	// +optional
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// BufferPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type BufferPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BufferPolicy `json:"items"`
}

// BufferPolicySpec is the targets of the policy and how Envoy buffers their requests.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'GatewayClass', 'HTTPRoute', 'GRPCRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway, GatewayClass, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetSelectors must be of kind Gateway, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="has(self.maxRequestBytes) != (has(self.disabled) && self.disabled)",message="set maxRequestBytes, or set disabled to true to turn off buffering for the target; not both"
type BufferPolicySpec struct {
	// The policy applies to the requests of its targets.
	PolicyTargets `json:",inline"`

	// MaxRequestBytes is how much of a request's body Envoy buffers, as a quantity: 64Ki,
	// 1.5Mi, or a number of bytes. Envoy responds to a larger request with 413. Envoy holds
	// a body in memory for every request in flight; the operator sets the maximum
	// (--max-buffer-bytes).
	//
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?$`
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 4294967295 : !self.matches('[eE][+-]?[0-9]{3}') && isQuantity(self) && quantity(self).compareTo(quantity('1')) >= 0 && quantity(self).compareTo(quantity('4294967295')) <= 0 && quantity(self).sub(int(quantity(self).asApproximateFloat() + 0.5)).compareTo(quantity('0')) == 0",message="maxRequestBytes must be a whole number of bytes between 1 and 4294967295"
	MaxRequestBytes *Quantity `json:"maxRequestBytes,omitempty"`

	// Mode is FullBuffer to buffer requests until they are complete, so that a backend only
	// sees complete requests, or LimitOnly to buffer nothing for the policy itself, and
	// only limit how much of a body Envoy may buffer for retries and for filters that need
	// the whole body. For filters, the limit of the connection stays in effect if it is larger.
	//
	// +optional
	// +kubebuilder:default=FullBuffer
	Mode BufferMode `json:"mode,omitempty"`

	// Disabled turns off buffering for the target, even if a policy on its Gateway or
	// listener turns it on.
	//
	// +optional
	Disabled bool `json:"disabled,omitempty"`

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

// BufferMode is what Envoy does with the bodies of requests.
//
// +kubebuilder:validation:Enum=FullBuffer;LimitOnly
type BufferMode string

const (
	// BufferFull buffers a request until it is complete.
	BufferFull BufferMode = "FullBuffer"
	// BufferLimitOnly limits how much Envoy buffers for retries, and for filters that need the
	// whole body.
	BufferLimitOnly BufferMode = "LimitOnly"
)
