package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// KindBackendMTLSPolicy is the kind of [BackendMTLSPolicy].
const KindBackendMTLSPolicy = "BackendMTLSPolicy"

// BackendMTLSPolicy makes Envoy use mutual TLS to the backends of its target: Envoy
// presents an X.509 SVID, which it fetches from a SPIRE agent by SDS, and accepts only
// backends whose SVID has one of the listed SPIFFE IDs.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=egraft;gateway-api,shortName=bmtls
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Trust Domain",type=string,JSONPath=`.spec.trustDomain`
// +kubebuilder:printcolumn:name="Workload",type=string,JSONPath=`.spec.workloadIdentifier`
// +kubebuilder:printcolumn:name="Plaintext",type=string,JSONPath=`.spec.plaintextBackends`,priority=1
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.ancestors[0].conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:metadata:labels="gateway.networking.k8s.io/policy=Inherited"
type BackendMTLSPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is the desired configuration.
	//
	// +required
	Spec BackendMTLSPolicySpec `json:"spec"`

	// Status is written by Envoy Gateway. Accepted means that the target exists. It does
	// not cover egraft, which reports its outcome in Events.
	//
	// +optional
	Status gwapiv1.PolicyStatus `json:"status,omitempty"`
}

// BackendMTLSPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type BackendMTLSPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []BackendMTLSPolicy `json:"items"`
}

// BackendMTLSPolicySpec is the targets of the policy, the identity of Envoy, and the
// backends that Envoy accepts.
//
// +kubebuilder:validation:XValidation:rule="!has(self.targetRefs) || self.targetRefs.all(r, r.group == 'gateway.networking.k8s.io' && r.kind in ['Gateway', 'GatewayClass', 'HTTPRoute', 'GRPCRoute'])",message="targetRefs must be of group gateway.networking.k8s.io and of kind Gateway, GatewayClass, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="!has(self.targetSelectors) || self.targetSelectors.all(s, s.kind in ['Gateway', 'HTTPRoute', 'GRPCRoute'])",message="targetSelectors must be of kind Gateway, HTTPRoute or GRPCRoute"
// +kubebuilder:validation:XValidation:rule="has(self.peers) != (has(self.allowAnyInTrustDomain) && self.allowAnyInTrustDomain)",message="name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain; not both"
// +kubebuilder:validation:XValidation:rule="!has(self.peers) || self.peers.all(p, !has(p.exact) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.exact.startsWith('spiffe://' + d + '/')))",message="every peers[].exact must be in one of trustBundles (by default: in trustDomain)"
// +kubebuilder:validation:XValidation:rule="!has(self.peers) || self.peers.all(p, !has(p.prefix) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.prefix.startsWith('spiffe://' + d + '/')))",message="every peers[].prefix must start with spiffe:// and one of trustBundles (by default: trustDomain) and a slash"
// +kubebuilder:validation:XValidation:rule="!has(self.peers) || self.peers.all(p, !has(p.regex) || (has(self.trustBundles) ? self.trustBundles : [self.trustDomain]).exists(d, p.regex.startsWith('spiffe://' + d.replace('.', '\\\\.') + '/')))",message="every peers[].regex must begin with spiffe://, one of trustBundles (by default: trustDomain) with its dots escaped, and a slash"
// +kubebuilder:validation:XValidation:rule="has(self.allowAnyAuthority) && self.allowAnyAuthority || (!has(self.trustBundles) || size(self.trustBundles) <= 1) && (!has(self.agent.sdsNames) || !has(self.agent.sdsNames.trustBundle) || self.agent.sdsNames.trustBundle != (has(self.agent.sdsNames.allTrustBundles) ? self.agent.sdsNames.allTrustBundles : 'ALL'))",message="with several bundles, an authority can sign for peers of other trust domains: set allowAnyAuthority to true to accept this, or use one policy for each trust domain"
type BackendMTLSPolicySpec struct {
	// The policy applies to the backends of its targets.
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

	// Peers are the SPIFFE IDs that a backend may have. A backend with any other ID is
	// rejected.
	//
	// +optional
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Peers []SPIFFEIDMatch `json:"peers,omitempty"`

	// AllowAnyInTrustDomain accepts every workload of the trust domains in trustBundles as
	// a backend. Use it only if any workload may act as any backend.
	//
	// +optional
	AllowAnyInTrustDomain bool `json:"allowAnyInTrustDomain,omitempty"`

	// TrustBundles are the trust domains whose bundles backends are verified against. The
	// default is only trustDomain. Envoy gets a federated bundle only if its registration
	// entry federates with that domain. Several trust domains require allowAnyAuthority.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	TrustBundles []TrustDomain `json:"trustBundles,omitempty"`

	// AllowAnyAuthority accepts a backend's certificate from the authority of any trust
	// domain for which the agent has a bundle, not only from the authority of the
	// backend's own domain. Envoy chooses the bundle by one URI of a certificate and then
	// accepts each of its URIs, so the authority of one domain can sign for the peers of
	// another. The field is required if Envoy gets more than one bundle: with several
	// trustBundles, or if agent.sdsNames.trustBundle is ALL or the name in allTrustBundles.
	// Prefer one policy for each trust domain, each with one entry in trustBundles.
	//
	// +optional
	AllowAnyAuthority bool `json:"allowAnyAuthority,omitempty"`

	// Agent is how Envoy connects to the SPIRE agent.
	//
	// +optional
	// +kubebuilder:default={}
	Agent SPIREAgent `json:"agent,omitempty"`

	// PlaintextBackends is what to do with backends that have no TLS in Envoy Gateway's
	// configuration, by a BackendTLSPolicy or the TLS settings of a Backend: Upgrade uses
	// mTLS, Leave leaves them in plaintext, Deny responds to their requests with 503.
	//
	// +optional
	// +kubebuilder:default=Upgrade
	PlaintextBackends PlaintextBackends `json:"plaintextBackends,omitempty"`

	// InitialFetchTimeout is how long Envoy waits for a certificate or bundle from the
	// agent before it continues without it: requests to the backend then fail with 503 until
	// it arrives. While Envoy waits, all its other cluster updates wait, too.
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

// TrustDomain is the name of a SPIFFE trust domain, without the scheme.
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=255
// +kubebuilder:validation:Pattern=`^[a-z0-9._-]+$`
type TrustDomain string

// SPIFFEIDMatch matches SPIFFE IDs in exactly one way.
//
// +kubebuilder:validation:XValidation:rule="[has(self.exact), has(self.prefix), has(self.regex)].exists_one(x, x)",message="set exactly one of exact, prefix and regex"
type SPIFFEIDMatch struct {
	// Exact is the whole SPIFFE ID, for example spiffe://example.org/ns/shop/sa/cart.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^spiffe://[a-z0-9._-]+(/(\.?[a-zA-Z0-9_-][a-zA-Z0-9._-]*|\.\.[a-zA-Z0-9._-]+))+$`
	Exact *string `json:"exact,omitempty"`

	// Prefix is the beginning of the SPIFFE ID, including the trust domain. End it with a
	// slash to match whole path segments.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^spiffe://[a-z0-9._-]+/[a-zA-Z0-9._/-]*$`
	Prefix *string `json:"prefix,omitempty"`

	// Regex is a regular expression that the whole SPIFFE ID must match. It must begin with
	// the literal trust domain, with escaped dots: spiffe://example\.org/ns/[a-z]+/sa/cart.
	// The syntax is a subset of RE2's: letters, digits, the characters . _ - / and :, the
	// escapes \. \- \/ \d \w, classes such as [a-z0-9] and [^/], the repetitions * + ? and,
	// of a single character or class, {n} {n,} {n,m} up to 64 and at most four times; and,
	// two levels deep, groups ( ) and (?: ) with alternatives.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^spiffe://(?:[a-z0-9_-]|\\\.)+/(?:(?:[a-zA-Z0-9_/:.-]|\\[dw./-]|\[\^?-?(?:[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9_/:.]|\\[dw./-])+-?\])(?:[*+?]|\{(?:[1-5]?[0-9]|6[0-4])(?:,(?:[1-5]?[0-9]|6[0-4])?)?\})?|\((?:\?:)?(?:(?:[a-zA-Z0-9_/:.-]|\\[dw./-]|\[\^?-?(?:[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9_/:.]|\\[dw./-])+-?\])(?:[*+?]|\{(?:[1-5]?[0-9]|6[0-4])(?:,(?:[1-5]?[0-9]|6[0-4])?)?\})?|\||\((?:\?:)?(?:(?:[a-zA-Z0-9_/:.-]|\\[dw./-]|\[\^?-?(?:[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9_/:.]|\\[dw./-])+-?\])(?:[*+?]|\{(?:[1-5]?[0-9]|6[0-4])(?:,(?:[1-5]?[0-9]|6[0-4])?)?\})?|\|)*\)[*+?]?)*\)[*+?]?)*$`
	// +kubebuilder:validation:XValidation:rule="self.split('{').size() <= 5",message="regex must have at most four counted repetitions"
	// +kubebuilder:validation:XValidation:rule="''.matches(self) in [true, false]",message="regex must be a regular expression, with ranges such as a-z and {1,3} in order"
	Regex *string `json:"regex,omitempty"`
}

// SPIREAgent is how Envoy connects to the SPIRE agent.
type SPIREAgent struct {
	// SocketPath is the path of the agent's Workload API socket inside the Envoy container,
	// where the EnvoyProxy resource must mount it, in printable ASCII. The default is the
	// path of the SPIFFE CSI driver in SPIRE's Helm charts.
	//
	// +optional
	// +kubebuilder:default="/spiffe-workload-api/spire-agent.sock"
	// +kubebuilder:validation:MaxLength=107
	// +kubebuilder:validation:Pattern=`^/[a-zA-Z0-9._/@+=:,~-]+$`
	SocketPath string `json:"socketPath,omitempty"`

	// SDSNames are the names of the agent's secrets, if they differ from SPIRE's defaults.
	//
	// +optional
	SDSNames *SDSNames `json:"sdsNames,omitempty"`
}

// SDSNames overrides the names of secrets. An agent renames them by default_svid_name,
// default_bundle_name and default_all_bundles_name.
type SDSNames struct {
	// SVID is the name of Envoy's certificate. The default is Envoy's SPIFFE ID.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	SVID string `json:"svid,omitempty"`

	// TrustBundle is the name of the bundle if all backends belong to one trust domain. The
	// default is spiffe:// and the trust domain.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	TrustBundle string `json:"trustBundle,omitempty"`

	// AllTrustBundles is the name of the bundles of all trust domains, for backends of
	// several trust domains. The default is ALL.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^[!-~]+$`
	AllTrustBundles string `json:"allTrustBundles,omitempty"`
}

// PlaintextBackends is what to do with backends without TLS.
//
// +kubebuilder:validation:Enum=Upgrade;Leave;Deny
type PlaintextBackends string

const (
	// PlaintextUpgrade uses mTLS to backends to which Envoy Gateway would use plaintext.
	PlaintextUpgrade PlaintextBackends = "Upgrade"
	// PlaintextLeave leaves them in plaintext.
	PlaintextLeave PlaintextBackends = "Leave"
	// PlaintextDeny rejects their requests.
	PlaintextDeny PlaintextBackends = "Deny"
)
