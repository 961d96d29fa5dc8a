package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindOriginalDestinationBackend is the kind of [OriginalDestinationBackend].
const KindOriginalDestinationBackend = "OriginalDestinationBackend"

// OriginalDestinationBackend is a backend for which your own filter, such as an external
// processor or a Lua script, chooses the address of each request, within the networks that
// the backend allows. Envoy enforces the networks. HTTPRoutes refer to it in backendRefs.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=egraft,shortName=odb
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Allowed",type=string,JSONPath=`.spec.allowedCIDRs`
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Programmed",type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type OriginalDestinationBackend struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is where the destination comes from, and which destinations are allowed.
	//
	// +required
	Spec OriginalDestinationBackendSpec `json:"spec"`

	// Status is written by egraft.
	//
	// +optional
	Status ConditionsStatus `json:"status,omitempty"`
}

// OriginalDestinationBackendList is a list of backends.
//
// +kubebuilder:object:root=true
type OriginalDestinationBackendList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OriginalDestinationBackend `json:"items"`
}

// OriginalDestinationBackendSpec is where the destination of a request comes from, which
// destinations are allowed, and how Envoy connects to them.
type OriginalDestinationBackendSpec struct {
	// Source is where the destination is, an address with a port such as 10.1.2.3:8080 or
	// [2001:db8::1]:8080: in dynamic metadata, which no client can set, or in a header.
	//
	// +optional
	// +kubebuilder:default={metadata: {}}
	Source DestinationSource `json:"source,omitempty"`

	// AllowedCIDRs are the networks that destinations may be in. Envoy responds with 403 to
	// all others. A larger network such as 0.0.0.0/0 does not allow loopback, link-local,
	// multicast and unspecified addresses, the addresses of cloud metadata services, and IPv6
	// addresses that represent IPv4 addresses. A network within them, such as 127.0.0.0/8 or
	// 169.254.169.254/32, is invalid unless egraft runs with --allow-special-destinations.
	// All networks together have at most 384 characters.
	//
	// +required
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.map(network, size(network)).sum() <= 384",message="must have at most 384 characters, all networks together"
	AllowedCIDRs []CIDR `json:"allowedCIDRs"`

	// Port replaces the destination's port, which may then be omitted.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int `json:"port,omitempty"`

	// TLS makes Envoy use TLS to destinations. Without it, Envoy uses plaintext, unless a
	// BackendMTLSPolicy applies.
	//
	// +optional
	TLS *DestinationTLS `json:"tls,omitempty"`

	// ConnectTimeout is the timeout for establishing a connection.
	//
	// +optional
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('1h')",message="connectTimeout must be between 1ms and 1h"
	ConnectTimeout gwapiv1.Duration `json:"connectTimeout,omitempty"`

	// CleanupInterval is how long Envoy keeps a destination that no request uses.
	//
	// +optional
	// +kubebuilder:default="60s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('1h')",message="cleanupInterval must be between 1ms and 1h"
	CleanupInterval gwapiv1.Duration `json:"cleanupInterval,omitempty"`

	// CircuitBreakers are limits for all destinations together.
	//
	// +optional
	// +kubebuilder:default={}
	CircuitBreakers DestinationCircuitBreakers `json:"circuitBreakers,omitempty"`

	// Effect is Enforce, or Shadow to report what the backend would do without changing
	// anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// CIDR is a network, such as 10.0.0.0/8 or 2001:db8::/32.
//
// +kubebuilder:validation:MaxLength=49
// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="must be a network such as 10.0.0.0/8 or 2001:db8::/32"
type CIDR string

// DestinationSource is where the destination of a request is.
//
// +kubebuilder:validation:XValidation:rule="has(self.metadata) != has(self.header)",message="set exactly one of metadata and header"
type DestinationSource struct {
	// Metadata is dynamic metadata that your filter sets.
	//
	// +optional
	Metadata *DestinationMetadata `json:"metadata,omitempty"`

	// Header is a request header that your filter sets on a route with the backend. Values
	// from clients and other filters are removed.
	//
	// +optional
	Header *DestinationHeader `json:"header,omitempty"`
}

// DestinationMetadata names a string in dynamic metadata.
type DestinationMetadata struct {
	// Namespace is the namespace of the metadata.
	//
	// +optional
	// +kubebuilder:default="egraft.io"
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9._/-]+$`
	Namespace string `json:"namespace,omitempty"`

	// Key is the name of the value in the namespace.
	//
	// +optional
	// +kubebuilder:default=destination
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9._/-]+$`
	Key string `json:"key,omitempty"`
}

// DestinationHeader names a header and the filter that may set it.
type DestinationHeader struct {
	// Name is the header's name in lower case. It must begin with x-, such as
	// x-gateway-destination-endpoint. The destination does not receive the header.
	//
	// +required
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^x-[a-z0-9]+(-[a-z0-9]+)*$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('x-envoy-') && !self.startsWith('x-egraft-')",message="name must not be a header of Envoy's or egraft's own"
	Name string `json:"name"`

	// Filter is the name of the HTTP filter that is trusted to set the header, or a prefix
	// of it, such as envoy.filters.http.ext_proc. The first filter whose name matches is
	// trusted, and matching filters that follow it directly. Values from all other filters
	// are not.
	//
	// +required
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9._/-]+$`
	Filter string `json:"filter"`
}

// DestinationTLS is TLS to destinations.
type DestinationTLS struct {
	// Hostname is sent as SNI, and must be a DNS name in the destination's certificate.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Hostname string `json:"hostname"`

	// CABundle is the certificates of the authorities that verify the destination's
	// certificate, in PEM, at most 64. The default is the bundle of the system that Envoy runs
	// on.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:Pattern=`^-----BEGIN CERTIFICATE-----`
	CABundle string `json:"caBundle,omitempty"`
}

// DestinationCircuitBreakers are limits for all destinations of a backend together.
type DestinationCircuitBreakers struct {
	// MaxConnections is the maximum number of connections.
	//
	// +optional
	// +kubebuilder:default=1024
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	MaxConnections *int `json:"maxConnections,omitempty"`

	// MaxPendingRequests is the maximum number of requests that wait for a connection.
	//
	// +optional
	// +kubebuilder:default=1024
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	MaxPendingRequests *int `json:"maxPendingRequests,omitempty"`

	// MaxParallelRequests is the maximum number of requests in flight.
	//
	// +optional
	// +kubebuilder:default=1024
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	MaxParallelRequests *int `json:"maxParallelRequests,omitempty"`
}
