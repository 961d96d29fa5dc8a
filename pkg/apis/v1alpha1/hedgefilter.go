package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindHedgeFilter is the kind of [HedgeFilter].
const KindHedgeFilter = "HedgeFilter"

// HedgeFilter is a route filter with which Envoy sends a request to one more backend
// endpoint when the first one is slow, and answers with whatever comes first. A rule of an
// HTTPRoute or GRPCRoute names it in a filter of type ExtensionRef.
//
// A hedged request may reach two endpoints and be carried out twice: use it for requests
// for which that makes no difference.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=egraft;gateway-api,shortName=hedge
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Per Try Timeout",type=string,JSONPath=`.spec.perTryTimeout`
// +kubebuilder:printcolumn:name="Max Hedged",type=integer,JSONPath=`.spec.maxHedgedRequests`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type HedgeFilter struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says when one more request is sent.
	//
	// +required
	Spec HedgeFilterSpec `json:"spec"`

	// Status is written by egraft.
	//
	// +optional
	Status ConditionsStatus `json:"status,omitempty"`
}

// HedgeFilterList is a list of filters.
//
// +kubebuilder:object:root=true
type HedgeFilterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HedgeFilter `json:"items"`
}

// HedgeFilterSpec says when one more request is sent.
type HedgeFilterSpec struct {
	// PerTryTimeout is how long a request may take before one more is sent. The first one
	// goes on. A good value is the 95th percentile of the backend's latency: then one
	// request in twenty is hedged. It has to be shorter than the timeout of the route.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('1h')",message="perTryTimeout must be between 1ms and 1h"
	PerTryTimeout gwapiv1.Duration `json:"perTryTimeout"`

	// MaxHedgedRequests is how many requests more than the first one may be sent. Envoy
	// counts them together with retries. Without it the number of retries that is in effect
	// for the route counts, and 1 if there is none.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	MaxHedgedRequests *int32 `json:"maxHedgedRequests,omitempty"`

	// RetryOn are failures, other than slowness, upon which Envoy sends a request again, and
	// which do not count as the response while another attempt is in flight. Envoy's words.
	// Those that are in effect for the route stay. With neither, they are connect-failure,
	// refused-stream, reset and gateway-error, so that an endpoint that fails at once does not
	// respond in place of one that is slow.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=set
	RetryOn []RetryOn `json:"retryOn,omitempty"`

	// FailurePolicy says what becomes of the rule's requests if the filter cannot be
	// applied: Ignore serves them without hedging, Deny answers them with 500.
	//
	// +optional
	// +kubebuilder:default=Ignore
	FailurePolicy FailurePolicy `json:"failurePolicy,omitempty"`

	// Effect is Enforce, or Shadow to have egraft tell what the filter would do without
	// changing anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// RetryOn is a failure upon which Envoy sends a request again.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/http/http_filters/router_filter#x-envoy-retry-on
//
// +kubebuilder:validation:Enum="5xx";gateway-error;reset;reset-before-request;connect-failure;envoy-ratelimited;retriable-4xx;refused-stream;retriable-status-codes;retriable-headers;http3-post-connect-failure;cancelled;deadline-exceeded;internal;resource-exhausted;unavailable
type RetryOn string

// ConditionsStatus is the status of filters and backends, of which Envoy Gateway writes
// none.
type ConditionsStatus struct {
	// Conditions say what egraft made of the resource: Accepted is about the resource by
	// itself, Programmed says whether it is in effect.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
