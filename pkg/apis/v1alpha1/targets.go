package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// PolicyTargets is what a policy is attached to: by name, by labels, or both. It is the
// same for all policies, and the same as in Envoy Gateway's own policies.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/policy_helpers.go
//
// +kubebuilder:validation:XValidation:rule="has(self.targetRefs) || has(self.targetSelectors)",message="name at least one target in targetRefs or targetSelectors"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || !self.targetSelectors.exists(s, s.kind == 'Gateway' && has(s.namespaces) && has(s.namespaces.from) && s.namespaces.from != 'Same') || (self.targetSelectors.all(s, s.kind == 'Gateway') && (!has(self.targetRefs) || self.targetRefs.all(r, r.kind == 'Gateway')))",message="a policy that targets routes cannot also select Gateways in other namespaces: use a policy for each"
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || !self.targetRefs.exists(r, r.kind == 'GatewayClass') || (self.targetRefs.size() == 1 && !has(self.targetSelectors) && !has(self.targetRefs[0].sectionName))",message="a GatewayClass must be the only target, without sectionName: use a policy for each"
type PolicyTargets struct {
	// TargetRefs are the targets by name, in the policy's own namespace: Gateways, listeners
	// of Gateways (by sectionName), and, for policies that can be attached to them,
	// HTTPRoutes and GRPCRoutes (or their rules, by sectionName). A GatewayClass must be the only
	// target. It needs a grant of the operator, and a release of Envoy Gateway that sends such
	// policies: 1.9 does not. Precedence, highest first: rule, route, listener, Gateway,
	// GatewayClass. If two policies have the same target, the older one takes precedence.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.exists_one(b, a.kind == b.kind && a.name == b.name && (has(a.sectionName) ? a.sectionName : '') == (has(b.sectionName) ? b.sectionName : '')))",message="targetRefs must not name a target twice"
	TargetRefs []gwapiv1.LocalPolicyTargetReferenceWithSectionName `json:"targetRefs,omitempty"`

	// TargetSelectors are targets by their labels. They require Envoy Gateway 1.9 or later,
	// which evaluates them.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TargetSelectors []TargetSelector `json:"targetSelectors,omitempty"`
}

// TargetSelector selects Gateways or routes by their labels. A selector without labels selects
// all of its kind.
type TargetSelector struct {
	// Group is the API group of the targets.
	//
	// +optional
	// +kubebuilder:default="gateway.networking.k8s.io"
	// +kubebuilder:validation:Enum=gateway.networking.k8s.io
	Group gwapiv1.Group `json:"group,omitempty"`

	// Kind is the kind of the targets.
	//
	// +required
	Kind gwapiv1.Kind `json:"kind"`

	// Namespaces are the namespaces of the targets. The default is the policy's own
	// namespace. Another namespace must have a ReferenceGrant for the policy, which Envoy
	// Gateway 1.9 only finds if it also names one of Envoy Gateway's own policies.
	//
	// +optional
	Namespaces *TargetNamespaces `json:"namespaces,omitempty"`

	// MatchLabels are labels that a target must have.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	MatchLabels map[string]string `json:"matchLabels,omitempty"`

	// MatchExpressions are requirements on the labels of a target, which must meet all of
	// them.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	MatchExpressions []metav1.LabelSelectorRequirement `json:"matchExpressions,omitempty"`
}

// TargetNamespaces are the namespaces of targets.
//
// +kubebuilder:validation:XValidation:rule="(self.from == 'Selector') == has(self.selector)",message="set selector if from is Selector, and only then"
type TargetNamespaces struct {
	// From is Same for the policy's namespace, All for all that Envoy Gateway watches, or
	// Selector for the ones that the selector matches.
	//
	// +optional
	// +kubebuilder:default=Same
	// +kubebuilder:validation:Enum=Same;All;Selector
	From string `json:"from,omitempty"`

	// Selector selects namespaces by their labels.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// FailurePolicy is what to do with a target to which a policy cannot be applied, because
// the policy is invalid or because the program failed.
//
// +kubebuilder:validation:Enum=Deny;Ignore
type FailurePolicy string

// The failure policies of a policy. egraft's configuration also supports Fail.
const (
	// FailurePolicyDeny makes Envoy reject the target's requests.
	FailurePolicyDeny FailurePolicy = "Deny"
	// FailurePolicyIgnore leaves the target unmodified.
	FailurePolicyIgnore FailurePolicy = "Ignore"
)
