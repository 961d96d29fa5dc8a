package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindHedgeFilter is the kind of [HedgeFilter].
const KindHedgeFilter = "HedgeFilter"

// HedgeFilter is a route filter that makes Envoy send a request to another endpoint when
// the first one is slow, and return the response that starts first. A rule of an HTTPRoute
// or GRPCRoute refers to it in a filter of type ExtensionRef.
//
// A hedged request may be carried out twice, by two endpoints: use the filter for requests
// that can be repeated.
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

	// Spec is when Envoy sends another request.
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

// HedgeFilterSpec is when Envoy sends another request.
type HedgeFilterSpec struct {
	// PerTryTimeout is how long Envoy waits for a response before it sends another request.
	// The first one continues. A good value is the 95th percentile of the backend's
	// latency: Envoy then hedges one request in twenty. It must be shorter than the timeout of
	// the route.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('1h')",message="perTryTimeout must be between 1ms and 1h"
	PerTryTimeout gwapiv1.Duration `json:"perTryTimeout"`

	// MaxHedgedRequests is how many requests Envoy may send in addition to the first one.
	// Envoy counts them together with retries. The default is the number of retries of the
	// route, or 1 if it has none.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	MaxHedgedRequests *int32 `json:"maxHedgedRequests,omitempty"`

	// RetryOn are the failures after which Envoy sends a request again, and which do not
	// count as the response while another attempt is in flight, in Envoy's notation. The
	// route's own failures stay in effect. If neither lists any, they are connect-failure,
	// refused-stream, reset and gateway-error, so that the error of an endpoint that fails at
	// once does not replace the response of a slow one.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=set
	RetryOn []RetryOn `json:"retryOn,omitempty"`

	// FailurePolicy is what to do with the rule's requests if the filter cannot be applied:
	// Ignore serves them without hedging, Deny responds with 500.
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

// RetryOn is a failure after which Envoy sends a request again.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/http/http_filters/router_filter#x-envoy-retry-on
//
// +kubebuilder:validation:Enum="5xx";gateway-error;reset;reset-before-request;connect-failure;envoy-ratelimited;retriable-4xx;refused-stream;retriable-status-codes;retriable-headers;http3-post-connect-failure;cancelled;deadline-exceeded;internal;resource-exhausted;unavailable
type RetryOn string

// ConditionsStatus is the status of filters and backends, for which Envoy Gateway writes
// none.
type ConditionsStatus struct {
	// Conditions are the outcome of the resource: Accepted is true if it is valid,
	// Programmed if it is in effect.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
