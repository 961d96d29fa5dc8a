package tenancy

import (
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// fieldsOf returns the SPIFFE fields of a policy, and false for kinds without them. A test of
// pkg/catalog fails for a kind that is missing here.
func fieldsOf(content any) (spiffe.Fields, bool) {
	switch p := content.(type) {
	case *v1alpha1.BackendMTLSPolicy:
		s := &p.Spec
		return spiffe.Fields{
			TrustDomain: s.TrustDomain, WorkloadIdentifier: s.WorkloadIdentifier, TrustBundles: &s.TrustBundles,
			Agent: &s.Agent, InitialFetchTimeout: &s.InitialFetchTimeout, Peers: s.Peers, PeersField: "peers",
		}, true
	case *v1alpha1.FrontendMTLSPolicy:
		s := &p.Spec
		return spiffe.Fields{
			TrustDomain: s.TrustDomain, WorkloadIdentifier: s.WorkloadIdentifier, TrustBundles: &s.TrustBundles,
			Agent: &s.Agent, InitialFetchTimeout: &s.InitialFetchTimeout, Peers: s.Clients, PeersField: "clients",
		}, true
	default:
		return spiffe.Fields{}, false
	}
}
