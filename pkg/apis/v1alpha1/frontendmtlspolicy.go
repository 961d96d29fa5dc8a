package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindFrontendMTLSPolicy is the kind of [FrontendMTLSPolicy].
const KindFrontendMTLSPolicy = "FrontendMTLSPolicy"

// FrontendMTLSPolicy makes the HTTPS listeners of its target present an X.509 SVID, which
// Envoy fetches from a SPIRE agent by SDS, and accept only clients whose SVID has one of
// the listed SPIFFE IDs.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=egraft;gateway-api,shortName=fmtls
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Trust Domain",type=string,JSONPath=`.spec.trustDomain`
// +kubebuilder:printcolumn:name="Workload",type=string,JSONPath=`.spec.workloadIdentifier`
// +kubebuilder:printcolumn:name="Clients",type=string,JSONPath=`.spec.clientCertificates`
// +kubebuilder:printcolumn:name="Plaintext",type=string,JSONPath=`.spec.plaintextListeners`,priority=1
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
type FrontendMTLSPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired configuration.
	//
	// +required
	Spec FrontendMTLSPolicySpec `json:"spec"`

	// Status is written by Envoy Gateway. Accepted means that the target exists. It does
	// not cover egraft, which reports its outcome in Events.
	//
	// +optional
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// FrontendMTLSPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type FrontendMTLSPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FrontendMTLSPolicy `json:"items"`
}

// FrontendMTLSPolicySpec is the targets of the policy, the identity of Envoy, and the
// clients that it accepts.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'GatewayClass'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway or GatewayClass"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind == 'Gateway')",message="targetSelectors must be of kind Gateway"
// +kubebuilder:validation:XValidation:rule="self.clientCertificates == 'Disabled' || has(self.clients) != (has(self.allowAnyInTrustDomain) && self.allowAnyInTrustDomain)",message="name the clients, or set allowAnyInTrustDomain to true to accept every workload of the trust domain; not both"
// +kubebuilder:validation:XValidation:rule="self.clientCertificates != 'Disabled' || !has(self.clients) && !(has(self.allowAnyInTrustDomain) && self.allowAnyInTrustDomain)",message="clientCertificates is Disabled, so Envoy does not request client certificates: omit clients and allowAnyInTrustDomain"
// +kubebuilder:validation:XValidation:rule="!has(self.clients) || self.clients.all(p, !has(p.exact) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.exact.startsWith('spiffe://' + d + '/')))",message="every clients[].exact must be in one of trustBundles (by default: in trustDomain)"
// +kubebuilder:validation:XValidation:rule="!has(self.clients) || self.clients.all(p, !has(p.prefix) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.prefix.startsWith('spiffe://' + d + '/')))",message="every clients[].prefix must start with spiffe:// and one of trustBundles (by default: trustDomain) and a slash"
// +kubebuilder:validation:XValidation:rule="!has(self.clients) || self.clients.all(p, !has(p.regex) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.regex.startsWith('spiffe://' + d.replace('.', '\\\\.') + '/')))",message="every clients[].regex must begin with spiffe://, one of trustBundles (by default: trustDomain) with its dots escaped, and a slash"
// +kubebuilder:validation:XValidation:rule="self.clientCertificates != 'Optional' || self.trustBundleFormat == 'CertificateAuthorities'",message="clientCertificates Optional requires trustBundleFormat CertificateAuthorities: with bundles in SPIFFE's format, Envoy requires a certificate from every client"
// +kubebuilder:validation:XValidation:rule="self.trustBundleFormat != 'CertificateAuthorities' || !has(self.trustBundles) || size(self.trustBundles) == 1",message="trustBundleFormat CertificateAuthorities is for one trust domain in trustBundles: Envoy would not know which authority may sign IDs of which domain"
type FrontendMTLSPolicySpec struct {
	// The targets are Gateways and their listeners.
	PolicyTargets `json:",inline"`

	// TrustDomain is the trust domain of Envoy's own SPIFFE ID, for example example.org.
	//
	// +required
	TrustDomain TrustDomain `json:"trustDomain"`

	// WorkloadIdentifier is the path of Envoy's own SPIFFE ID, with a leading slash: with
	// trust domain example.org and /envoy, Envoy presents spiffe://example.org/envoy. The
	// SPIRE agent issues it only if a registration entry gives it to Envoy.
	//
	// +required
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^(/[a-zA-Z0-9._-]+)+$`
	// +kubebuilder:validation:XValidation:rule="!self.split('/').exists(s, s == '.' || s == '..')",message="workloadIdentifier must not have a segment that is . or .."
	WorkloadIdentifier string `json:"workloadIdentifier"`

	// ClientCertificates is whether clients must present an SVID. Required rejects clients
	// without one. Optional serves clients without one, and rejects an SVID that no authority of
	// the trust bundle signed, or whose SPIFFE ID the policy does not accept; it requires
	// trustBundleFormat CertificateAuthorities. Disabled does not ask for one.
	//
	// +optional
	// +kubebuilder:default=Required
	ClientCertificates ClientCertificates `json:"clientCertificates,omitempty"`

	// Clients are the SPIFFE IDs that a client may have. The connection of a client with an
	// SVID of any other ID is rejected.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Clients []SPIFFEIDMatch `json:"clients,omitempty"`

	// AllowAnyInTrustDomain accepts every workload of the trust domains in trustBundles as a
	// client.
	//
	// +optional
	AllowAnyInTrustDomain bool `json:"allowAnyInTrustDomain,omitempty"`

	// TrustBundles are the trust domains whose bundles clients are verified against. The
	// default is only trustDomain. Envoy gets a federated bundle only if its registration
	// entry federates with that domain.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TrustBundles []TrustDomain `json:"trustBundles,omitempty"`

	// TrustBundleFormat is the format in which the agent sends bundles to this Envoy. An
	// agent sends CertificateAuthorities if its configuration, or the metadata of Envoy's
	// node, has disable_spiffe_cert_validation; it supports one trust domain. With SPIFFE,
	// the default of agents, Envoy 1.39.1 requires a certificate from every client.
	//
	// +optional
	// +kubebuilder:default=SPIFFE
	TrustBundleFormat TrustBundleFormat `json:"trustBundleFormat,omitempty"`

	// Agent is how Envoy connects to the SPIRE agent.
	//
	// +optional
	// +kubebuilder:default={}
	Agent SPIREAgent `json:"agent,omitempty"`

	// PlaintextListeners is what to do with HTTP listeners of the target, which have no
	// TLS: Deny responds to their requests with 403, except on a route that redirects;
	// Leave leaves them unmodified.
	//
	// +optional
	// +kubebuilder:default=Deny
	PlaintextListeners PlaintextListeners `json:"plaintextListeners,omitempty"`

	// XForwardedClientCert is what to do with the header X-Forwarded-Client-Cert. It
	// replaces the setting of a ClientTrafficPolicy.
	//
	// +optional
	// +kubebuilder:default={}
	XForwardedClientCert XForwardedClientCert `json:"xForwardedClientCert,omitempty"`

	// InitialFetchTimeout is how long Envoy waits for a certificate or bundle from the
	// agent before it continues without it: connections then fail until it arrives.
	//
	// +optional
	// +kubebuilder:default="2s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('60s')",message="initialFetchTimeout must be between 100ms and 60s"
	InitialFetchTimeout gwapiv1.Duration `json:"initialFetchTimeout,omitempty"`

	// Effect is Enforce, or Shadow to report what the policy would do without changing
	// anything.
	//
	// +optional
	Effect Effect `json:"effect,omitempty"`
}

// ClientCertificates is whether clients must present an SVID.
//
// +kubebuilder:validation:Enum=Required;Optional;Disabled
type ClientCertificates string

const (
	// ClientCertificatesRequired rejects clients without an SVID.
	ClientCertificatesRequired ClientCertificates = "Required"
	// ClientCertificatesOptional serves clients without an SVID, and verifies one that a client
	// presents.
	ClientCertificatesOptional ClientCertificates = "Optional"
	// ClientCertificatesDisabled does not ask clients for an SVID.
	ClientCertificatesDisabled ClientCertificates = "Disabled"
)

// TrustBundleFormat is a format in which an agent sends trust bundles to Envoy.
//
// +kubebuilder:validation:Enum=SPIFFE;CertificateAuthorities
type TrustBundleFormat string

const (
	// TrustBundleFormatSPIFFE is the configuration of Envoy's SPIFFE validator.
	// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config.proto
	TrustBundleFormatSPIFFE TrustBundleFormat = "SPIFFE"
	// TrustBundleFormatCertificateAuthorities is a plain trusted_ca. An agent decides by
	// https://github.com/spiffe/spire/blob/v1.13.3/doc/spire_agent.md#sds-configuration
	TrustBundleFormatCertificateAuthorities TrustBundleFormat = "CertificateAuthorities"
)

// PlaintextListeners is what to do with listeners without TLS.
//
// +kubebuilder:validation:Enum=Deny;Leave
type PlaintextListeners string

const (
	// PlaintextListenersDeny rejects their requests.
	PlaintextListenersDeny PlaintextListeners = "Deny"
	// PlaintextListenersLeave leaves them unmodified.
	PlaintextListenersLeave PlaintextListeners = "Leave"
)

// XForwardedClientCert is what to do with the header X-Forwarded-Client-Cert. The values are
// the same as in Envoy Gateway's ClientTrafficPolicy.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/clienttrafficpolicy_types.go
//
// +kubebuilder:validation:XValidation:rule="!has(self.certDetailsToAdd) || self.mode in ['AppendForward', 'SanitizeSet']",message="certDetailsToAdd requires mode AppendForward or SanitizeSet"
type XForwardedClientCert struct {
	// Mode is Sanitize to remove the header, SanitizeSet to replace it with one for the
	// client's certificate, ForwardOnly to pass on what the client sent if the connection
	// is mTLS, AppendForward to append to that, and AlwaysForwardOnly to pass on what the
	// client sent in any case.
	//
	// +optional
	// +kubebuilder:default=Sanitize
	// +kubebuilder:validation:Enum=Sanitize;ForwardOnly;AppendForward;SanitizeSet;AlwaysForwardOnly
	Mode string `json:"mode,omitempty"`

	// CertDetailsToAdd are the fields of the header in addition to the hash of the client's
	// certificate.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=5
	CertDetailsToAdd []CertDetail `json:"certDetailsToAdd,omitempty"`
}

// CertDetail is a field of the header X-Forwarded-Client-Cert.
//
// +kubebuilder:validation:Enum=Subject;Cert;Chain;DNS;URI
type CertDetail string
