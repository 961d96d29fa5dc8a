package staticdelay

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// GroupVersion is the group and version of the custom resource.
var GroupVersion = schema.GroupVersion{Group: "example.com", Version: "v1alpha1"}

// StaticDelayFilter delays requests of the rules that name it in a filter of type ExtensionRef.
//
// +kubebuilder:resource:categories=gateway-api
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Delay",type=string,JSONPath=`.spec.delay`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
type StaticDelayFilter struct { //nolint:revive // CRDs take the kind from the name of the type
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   Spec   `json:"spec"`
	Status Status `json:"status,omitempty"`
}

// Spec says which requests are delayed, and for how long.
type Spec struct {
	// Delay is for how long a request is held, such as 500ms.
	Delay metav1.Duration `json:"delay"`

	// Percent is the percentage of requests that are delayed.
	//
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Percent *int32 `json:"percent,omitempty"`

	// Effect is Enforce, or Shadow to report what the filter would do without changing
	// anything.
	//
	// +optional
	Effect v1alpha1.Effect `json:"effect,omitempty"`
}

// Status is written by egraft.
type Status struct {
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
