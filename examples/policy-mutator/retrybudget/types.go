package retrybudget

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// GroupVersion is the group and version of the custom resource.
var GroupVersion = schema.GroupVersion{Group: "example.com", Version: "v1"}

// RetryBudgetPolicy limits the retries that are in flight to a backend to a share of its requests.
//
// +kubebuilder:resource:categories=gateway-api
// +kubebuilder:subresource:status
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
// +kubebuilder:printcolumn:name="Percent",type=integer,JSONPath=`.spec.budgetPercent`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RetryBudgetPolicy struct { //nolint:revive // CRDs take the kind from the name of the type
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec Spec `json:"spec"`
	// Status is written by Envoy Gateway.
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// Spec is the retry budget and its targets.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'HTTPRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway or HTTPRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute'])",message="targetSelectors must be of kind Gateway or HTTPRoute"
type Spec struct {
	v1alpha1.PolicyTargets `json:",inline"`

	// FailurePolicy is what happens to the requests of the target if the policy is invalid or
	// cannot be applied: Ignore serves them without it, Deny rejects them.
	//
	// +optional
	// +kubebuilder:default=Ignore
	FailurePolicy v1alpha1.FailurePolicy `json:"failurePolicy,omitempty"`

	// BudgetPercent is how many retries can be in flight to a backend, in percent of the requests
	// that are active or pending.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	BudgetPercent *uint32 `json:"budgetPercent"`

	// MinRetryConcurrency is how many retries can be in flight whatever the percentage.
	//
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=0
	MinRetryConcurrency *uint32 `json:"minRetryConcurrency,omitempty"`

	// Effect is Enforce, or Shadow to report what the policy would do without changing
	// anything.
	//
	// +optional
	Effect v1alpha1.Effect `json:"effect,omitempty"`
}
