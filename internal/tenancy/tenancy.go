// Package tenancy holds what the operator of egraft permits each namespace of a cluster: the kinds
// of custom resources, trust domains, workload identifiers and agent sockets that its policies may
// use, and how much of an Envoy's resources they may take.
//
// It checks policies and must not change them. It reads no configuration, does no I/O and keeps no
// state: the same policies always have the same result.
package tenancy

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Restrictions are what the operator permits. The zero value permits everything.
type Restrictions struct {
	Rules  Rules
	Limits Limits
}

// Rule specifies what the policies of some namespaces may use. A nil list permits everything unless
// stated otherwise; see [Rules.Validate] for the syntax of patterns.
type Rule struct {
	// Namespaces are names, or prefixes of names followed by an asterisk.
	Namespaces []string `json:"namespaces,omitempty"`
	// Kinds are kinds of custom resources, see [KindName], or [NoKind].
	Kinds []string `json:"kinds,omitempty"`
	// TrustDomains apply to Envoy's own trust domain and those of its peers.
	TrustDomains []string `json:"trustDomains,omitempty"`
	// WorkloadIdentifiers are paths of Envoy's own SPIFFE ID, or their first segments followed by
	// /*.
	WorkloadIdentifiers []string `json:"workloadIdentifiers,omitempty"`
	// AgentSockets are paths of sockets, or of directories followed by /*.
	AgentSockets []string `json:"agentSockets,omitempty"`
	// Filters are the HTTP filters that FilterPolicies may use in addition to confined ones, by the
	// names of [envoyfilter.Filter], or [AllFilters]. Policies may then use everything that these
	// filters can do. Unlike other lists, nil permits the confined filters only.
	Filters []string `json:"filters,omitempty"`
	// Patches are what XDSPatchPolicies may patch on any Gateway: a kind of message for all of its
	// fields except sensitive ones; a kind, a colon and the path of a field for that field and its
	// children, including sensitive ones; or [AllPatches]. Unlike other lists, nil permits only
	// patches of fields that are not sensitive on Gateways in the policy's own namespace.
	Patches []string `json:"patches,omitempty"`
	// GatewayClasses are names of GatewayClasses that policies may target, or prefixes of names
	// followed by an asterisk. Such a policy takes effect on the Gateways of all namespaces. Unlike
	// other lists, nil permits none.
	GatewayClasses []string `json:"gatewayClasses,omitempty"`
}

// AllFilters as the only entry of [Rule.Filters] permits all filters.
const AllFilters = "*"

// AllPatches as the only entry of [Rule.Patches] permits all kinds of messages, except sensitive
// fields.
const AllPatches = "*"

// KindName returns the name of a kind in rules: egraft's own kinds without their group, others with
// it, such as RetryBudgetPolicy.example.com. Two groups may have kinds of the same name.
func KindName(gvk schema.GroupVersionKind) string {
	if gvk.Group == v1alpha1.GroupVersion.Group {
		return gvk.Kind
	}
	return gvk.GroupKind().String()
}

// NoKind as the only entry of [Rule.Kinds] permits no kinds.
const NoKind = "None"

// Rules are an ordered list. Only the first rule that matches a namespace applies. Valid rules
// match every namespace, since the last one matches all. Without any rule, everything is permitted.
type Rules []Rule

// For returns the rule that applies to a namespace, with the placeholder replaced, and its
// position.
func (r Rules) For(namespace string) (rule Rule, position int, found bool) {
	for i := range r {
		for _, pattern := range r[i].Namespaces {
			if matches(pattern, namespace) {
				return r[i].in(namespace), i, true
			}
		}
	}
	return Rule{}, 0, false
}

// in returns the rule with the placeholder replaced by a namespace.
func (r *Rule) in(namespace string) Rule {
	return Rule{
		Namespaces:          []string{namespace},
		Kinds:               r.Kinds,
		TrustDomains:        expand(r.TrustDomains, namespace),
		WorkloadIdentifiers: expand(r.WorkloadIdentifiers, namespace),
		AgentSockets:        expand(r.AgentSockets, namespace),
		Filters:             r.Filters,
		Patches:             r.Patches,
		GatewayClasses:      r.GatewayClasses,
	}
}

// Limits are how much the policies of a namespace may use. 0 disables a limit.
type Limits struct {
	// InitialFetchTimeout and Peers apply to each policy.
	InitialFetchTimeout time.Duration
	Peers               int
	// AgentSockets and SDSSecrets apply to all policies of one namespace and kind that are in
	// effect in one translation.
	AgentSockets int
	SDSSecrets   int
	// Filters applies to all FilterPolicies of one namespace that are in effect in one translation,
	// and separately to all HTTPFilters.
	Filters int
}

// DefaultLimits returns limits that are generous for ordinary use. What the CRDs allow beyond them
// delays an Envoy for all users (timeout), or costs all users memory and the agent one stream each.
func DefaultLimits() Limits {
	return Limits{InitialFetchTimeout: 10 * time.Second, Peers: 64, AgentSockets: 4, SDSSecrets: 128, Filters: 16}
}
