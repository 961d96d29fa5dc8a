package v1alpha1

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindXDSPatchPolicy is the kind of [XDSPatchPolicy].
const KindXDSPatchPolicy = "XDSPatchPolicy"

// XDSPatchPolicy sets fields of the Envoy resources that Envoy Gateway generates for its targets, and
// of no other resources.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=xdspatchpolicies,categories=egraft;gateway-api,shortName=xdspp
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
type XDSPatchPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired configuration.
	//
	// +required
	Spec XDSPatchPolicySpec `json:"spec"`

	// Status is written by Envoy Gateway. Accepted means that the target exists. It does
	// not cover egraft, which reports its outcome in Events.
	//
	// +optional
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// XDSPatchPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type XDSPatchPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []XDSPatchPolicy `json:"items"`
}

// XDSPatchPolicySpec is the targets of the policy and the changes to their resources.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'GatewayClass', 'HTTPRoute', 'GRPCRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway, GatewayClass, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetSelectors must be of kind Gateway, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="((!has(self.targetRefs) || self.targetRefs.all(r, r.kind in ['Gateway', 'GatewayClass'])) && (!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind == 'Gateway'))) || self.patches.all(p, p.select.kind in ['Route', 'Cluster', 'UpstreamTLS'])",message="a policy that targets routes can only select Route, Cluster and UpstreamTLS: other resources belong to the Gateway"
type XDSPatchPolicySpec struct {
	// The policy patches the resources of its targets.
	PolicyTargets `json:",inline"`

	// Patches are changes, applied in this order. For each resource, egraft applies all of them
	// or none.
	//
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	Patches []XDSPatch `json:"patches"`

	// FailurePolicy is what to do with a target to which the policy cannot be applied: Ignore
	// leaves it unmodified, Deny rejects its requests.
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

// XDSPatch is one change to each message that it selects.
//
// +kubebuilder:validation:XValidation:rule="[has(self.merge), has(self.set), has(self.list), has(self.remove)].filter(x, x).size() == 1",message="set one of merge, set, list and remove"
type XDSPatch struct {
	// Select selects the messages of the targets to patch.
	//
	// +required
	Select XDSSelect `json:"select"`

	// When is a CEL expression of type bool. A selected message is only patched if it is true. Its
	// variables are self, the message, and target, the Gateway API objects from which Envoy Gateway
	// generated it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	When string `json:"when,omitempty"`

	// Merge is protobuf JSON that is merged into the message: messages are merged field by field,
	// scalars are replaced. It cannot contain lists.
	//
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Merge *XDSObject `json:"merge,omitempty"`

	// Set sets a field to the value of a CEL expression.
	//
	// +optional
	Set *XDSSet `json:"set,omitempty"`

	// List changes a list.
	//
	// +optional
	List *XDSList `json:"list,omitempty"`

	// Remove is the path of a field to remove.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Remove string `json:"remove,omitempty"`

	// Expect is how many messages the patch must match in the translation of a Gateway. If it
	// matches fewer or more, egraft applies nothing of the policy there.
	//
	// +optional
	Expect *XDSExpect `json:"expect,omitempty"`
}

// XDSSelect selects messages of the targets.
//
// +kubebuilder:validation:XValidation:rule="(self.kind == 'HTTPFilter') == has(self.filter)",message="set filter if kind is HTTPFilter, and only then"
type XDSSelect struct {
	// Kind is the kind of message.
	//
	// +required
	Kind XDSKind `json:"kind"`

	// Filter is the kind of HTTP filters whose configuration is patched.
	//
	// +optional
	Filter FilterKind `json:"filter,omitempty"`
}

// XDSKind is a kind of message that can be patched.
//
// +kubebuilder:validation:Enum=Listener;FilterChain;HTTPConnectionManager;HTTPFilter;RouteConfiguration;VirtualHost;Route;Cluster;UpstreamTLS;DownstreamTLS
type XDSKind string

// The kinds of messages, with the names in Envoy's documentation.
const (
	// XDSListener is envoy.config.listener.v3.Listener.
	XDSListener XDSKind = "Listener"
	// XDSFilterChain is envoy.config.listener.v3.FilterChain, including the default filter chain.
	XDSFilterChain XDSKind = "FilterChain"
	// XDSHTTPConnectionManager is envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.
	XDSHTTPConnectionManager XDSKind = "HTTPConnectionManager"
	// XDSHTTPFilter is the typed_config of an HTTP filter in a connection manager.
	XDSHTTPFilter XDSKind = "HTTPFilter"
	// XDSRouteConfiguration is envoy.config.route.v3.RouteConfiguration.
	XDSRouteConfiguration XDSKind = "RouteConfiguration"
	// XDSVirtualHost is envoy.config.route.v3.VirtualHost.
	XDSVirtualHost XDSKind = "VirtualHost"
	// XDSRoute is envoy.config.route.v3.Route.
	XDSRoute XDSKind = "Route"
	// XDSCluster is envoy.config.cluster.v3.Cluster.
	XDSCluster XDSKind = "Cluster"
	// XDSUpstreamTLS is envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext of a cluster.
	XDSUpstreamTLS XDSKind = "UpstreamTLS"
	// XDSDownstreamTLS is envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext of a filter chain.
	XDSDownstreamTLS XDSKind = "DownstreamTLS"
)

// XDSSet sets one field.
type XDSSet struct {
	// Path is the path of the field, with the names in Envoy's documentation:
	// circuit_breakers.thresholds[priority=DEFAULT].max_connections.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`

	// Expression is a CEL expression of the field's type, with the variables of when.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Expression string `json:"expression"`
}

// XDSList changes a list, or the elements that a key selects. In addition to path, set one of append,
// replace and remove. There are no indexes.
//
// +kubebuilder:validation:MinProperties=2
// +kubebuilder:validation:MaxProperties=2
type XDSList struct {
	// Path is the path of the list, or of elements selected by the value of a field:
	// circuit_breakers.thresholds[priority=DEFAULT].
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`

	// Append is the elements to append, as protobuf JSON. An element that the list already contains
	// is not appended again.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=atomic
	Append []XDSValue `json:"append,omitempty"`

	// Replace is the new element if the path has a key, otherwise the new content of the list.
	//
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Replace *XDSValue `json:"replace,omitempty"`

	// Remove is true to remove the elements that the key of the path selects.
	//
	// +optional
	// +kubebuilder:validation:Enum=true
	Remove bool `json:"remove,omitempty"`
}

// XDSExpect is a number of matches.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minMatches) || !has(self.maxMatches) || self.minMatches <= self.maxMatches",message="minMatches must not be greater than maxMatches"
type XDSExpect struct {
	// MinMatches is the minimum number of messages.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinMatches *int32 `json:"minMatches,omitempty"`

	// MaxMatches is the maximum number of messages.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxMatches *int32 `json:"maxMatches,omitempty"`
}

// XDSObject is an object of protobuf JSON.
//
// +kubebuilder:validation:Type=object
type XDSObject struct {
	XDSValue `json:"-"`
}

// XDSValue is a value of protobuf JSON.
//
// +kubebuilder:validation:XPreserveUnknownFields
// +kubebuilder:validation:Type=""
type XDSValue struct {
	// Raw is the JSON as it was written.
	Raw []byte `json:"-"`
}

// UnmarshalJSON keeps the value as it is written: which values are valid depends on the message.
func (v *XDSValue) UnmarshalJSON(raw []byte) error {
	v.Raw = slices.Clone(raw)
	return nil
}

// MarshalJSON returns the value as it was written.
func (v XDSValue) MarshalJSON() ([]byte, error) {
	if v.Raw == nil {
		return json.Marshal(nil)
	}
	return v.Raw, nil
}
