package backendmtls

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// fieldsOf returns the fields that the policy shares with other kinds.
func fieldsOf(s *v1alpha1.BackendMTLSPolicySpec) spiffe.Fields {
	return spiffe.Fields{
		TrustDomain: s.TrustDomain, WorkloadIdentifier: s.WorkloadIdentifier, TrustBundles: &s.TrustBundles,
		Agent: &s.Agent, InitialFetchTimeout: &s.InitialFetchTimeout, Peers: s.Peers, PeersField: "peers",
	}
}

// validate sets the defaults and repeats the checks of the CRD, because not every policy passes an API
// server with a CRD of this version.
func validate(p *v1alpha1.BackendMTLSPolicy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	fields := fieldsOf(s)
	errs := fields.ValidateShape(at) // before the defaults hide what is empty
	fields.SetDefaults()
	if s.PlaintextBackends == "" {
		s.PlaintextBackends = v1alpha1.PlaintextUpgrade
	}
	errs = append(errs, fields.Validate(at)...)
	switch {
	case len(s.Peers) == 0 && !s.AllowAnyInTrustDomain:
		errs = append(errs, field.Required(at.Child("peers"), "name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"))
	case len(s.Peers) > 0 && s.AllowAnyInTrustDomain:
		errs = append(errs, field.Forbidden(at.Child("peers"), "allowAnyInTrustDomain is true: use one of the two"))
	}
	if !s.AllowAnyAuthority && fieldsOf(s).Source().HasSeveralBundles() {
		errs = append(errs, field.Required(at.Child("allowAnyAuthority"), "Envoy gets several bundles, so an authority could sign for peers of other trust domains: set it to true to accept this, or use one policy for each trust domain"))
	}
	modes := []v1alpha1.PlaintextBackends{v1alpha1.PlaintextUpgrade, v1alpha1.PlaintextLeave, v1alpha1.PlaintextDeny}
	if !slices.Contains(modes, s.PlaintextBackends) {
		errs = append(errs, field.NotSupported(at.Child("plaintextBackends"), s.PlaintextBackends, modes))
	}
	return errs
}
