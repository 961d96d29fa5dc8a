// Package tenancy holds what the operator of egraft permits the namespaces of a cluster:
// which kinds of custom resources, trust domains, workload identifiers and agent sockets
// their policies may use, and how much of what an Envoy has one of them may take.
//
// It judges policies and must not change them. It reads no configuration, does no I/O and
// keeps no state: the same policies get the same answer.
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

// Rule says what the policies of some namespaces may use. A list that is nil permits
// everything; see [Rules.Validate] for what a pattern may look like.
type Rule struct {
	// Namespaces are names, or their beginnings with an asterisk at the end.
	Namespaces []string `json:"namespaces,omitempty"`
	// Kinds are those of custom resources, see [KindName], or [NoKind].
	Kinds []string `json:"kinds,omitempty"`
	// TrustDomains hold for Envoy's own and for those that peers are verified against.
	TrustDomains []string `json:"trustDomains,omitempty"`
	// WorkloadIdentifiers are paths of Envoy's own SPIFFE ID, or their beginnings with /* at
	// the end.
	WorkloadIdentifiers []string `json:"workloadIdentifiers,omitempty"`
	// AgentSockets are paths of sockets, or of folders with /* at the end.
	AgentSockets []string `json:"agentSockets,omitempty"`
	// Filters are HTTP filters that FilterPolicies may have beside those that are confined, by the names of
	// [envoyfilter.Filter], or [AllFilters]. They may then do all that the filter can. Unlike with the
	// other lists, nil permits no more than the confined ones.
	Filters []string `json:"filters,omitempty"`
	// Patches are what XDSPatchPolicies may patch of any Gateway: a kind of message for all of its fields but
	// those that are sensitive, with a colon and the path of a field for that field and what is below
	// it, sensitive or not, or [AllPatches]. Unlike with the other lists, nil permits to patch what is
	// not sensitive of Gateways in the policy's own namespace, and no more.
	Patches []string `json:"patches,omitempty"`
	// GatewayClasses are names of GatewayClasses that policies may target, or their beginnings with an
	// asterisk at the end. Such a policy is in effect on the Gateways of all namespaces. Unlike with the
	// other lists, nil permits none.
	GatewayClasses []string `json:"gatewayClasses,omitempty"`
}

// AllFilters as the only one of [Rule.Filters] permits all.
const AllFilters = "*"

// AllPatches as the only one of [Rule.Patches] permits all kinds of messages, but for fields that are
// sensitive.
const AllPatches = "*"

// KindName is how rules name a kind: egraft's own by the kind alone, others with their API group,
// such as RetryBudgetPolicy.example.com. Two groups may have kinds of one name.
func KindName(gvk schema.GroupVersionKind) string {
	if gvk.Group == v1alpha1.GroupVersion.Group {
		return gvk.Kind
	}
	return gvk.GroupKind().String()
}

// NoKind as the only one of [Rule.Kinds] permits none.
const NoKind = "None"

// Rules are tried in order: the first one that is for a namespace decides, alone. Valid
// rules decide every namespace, since the last of them is for all; without any rule,
// everything is permitted.
type Rules []Rule

// For returns the rule that decides a namespace, with the name of the namespace filled in,
// and its position.
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

// in is the rule as it is for one namespace.
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

// Limits are how much the policies of a namespace may take. 0 is no limit.
type Limits struct {
	// InitialFetchTimeout and Peers hold for each policy.
	InitialFetchTimeout time.Duration
	Peers               int
	// AgentSockets and SDSSecrets hold for all policies of one namespace and kind that are in
	// effect in one translation.
	AgentSockets int
	SDSSecrets   int
	// Filters holds for all FilterPolicies of one namespace that are in effect in one translation, and for
	// all HTTPFilters.
	Filters int
}

// DefaultLimits are generous to those who mean well. What the CRDs allow beyond them holds
// up an Envoy for everybody (timeout), or costs everybody memory and the agent a stream each.
func DefaultLimits() Limits {
	return Limits{InitialFetchTimeout: 10 * time.Second, Peers: 64, AgentSockets: 4, SDSSecrets: 128, Filters: 16}
}
