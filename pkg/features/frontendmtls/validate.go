package frontendmtls

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// fieldsOf returns the fields that the policy shares with other kinds.
func fieldsOf(s *v1alpha1.FrontendMTLSPolicySpec) spiffe.Fields {
	return spiffe.Fields{
		TrustDomain: s.TrustDomain, WorkloadIdentifier: s.WorkloadIdentifier, TrustBundles: &s.TrustBundles,
		Agent: &s.Agent, InitialFetchTimeout: &s.InitialFetchTimeout, Peers: s.Clients, PeersField: "clients",
	}
}

// validate sets the defaults and repeats the checks of the CRD, because not every policy passes an
// API server with a CRD of this version.
func validate(p *v1alpha1.FrontendMTLSPolicy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	fields := fieldsOf(s)
	errs := fields.ValidateShape(at) // before the defaults hide empty fields
	fields.SetDefaults()
	if s.ClientCertificates == "" {
		s.ClientCertificates = v1alpha1.ClientCertificatesRequired
	}
	if s.TrustBundleFormat == "" {
		s.TrustBundleFormat = v1alpha1.TrustBundleFormatSPIFFE
	}
	if s.PlaintextListeners == "" {
		s.PlaintextListeners = v1alpha1.PlaintextListenersDeny
	}
	errs = append(errs, policy.ValidateTargets(&s.PolicyTargets, []string{xds.KindGateway, xds.KindGatewayClass}, at)...)
	errs = append(errs, fields.Validate(at)...)
	errs = append(errs, validateClients(s, at)...)
	errs = append(errs, validateFormat(s, at)...)
	errs = append(errs, oneOf(at.Child("plaintextListeners"), s.PlaintextListeners,
		v1alpha1.PlaintextListenersDeny, v1alpha1.PlaintextListenersLeave)...)
	return append(errs, validateHeader(&s.XForwardedClientCert, at.Child("xForwardedClientCert"))...)
}

func validateClients(s *v1alpha1.FrontendMTLSPolicySpec, at *field.Path) (errs field.ErrorList) {
	errs = oneOf(at.Child("clientCertificates"), s.ClientCertificates,
		v1alpha1.ClientCertificatesRequired, v1alpha1.ClientCertificatesOptional, v1alpha1.ClientCertificatesDisabled)
	switch named := len(s.Clients) > 0; {
	case s.ClientCertificates == v1alpha1.ClientCertificatesDisabled:
		if named || s.AllowAnyInTrustDomain {
			errs = append(errs, field.Forbidden(at.Child("clients"), "clientCertificates is Disabled, so Envoy does not request client certificates: omit clients and allowAnyInTrustDomain"))
		}
	case !named && !s.AllowAnyInTrustDomain:
		errs = append(errs, field.Required(at.Child("clients"), "name the clients, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"))
	case named && s.AllowAnyInTrustDomain:
		errs = append(errs, field.Forbidden(at.Child("clients"), "allowAnyInTrustDomain is true: use one of the two"))
	}
	return errs
}

// validateFormat rejects combinations that Envoy does not support for a bundle format. Otherwise,
// Envoy would require more than the policy states, or accept more.
func validateFormat(s *v1alpha1.FrontendMTLSPolicySpec, at *field.Path) field.ErrorList {
	format := at.Child("trustBundleFormat")
	errs := oneOf(format, s.TrustBundleFormat, v1alpha1.TrustBundleFormatSPIFFE, v1alpha1.TrustBundleFormatCertificateAuthorities)
	switch authorities := s.TrustBundleFormat == v1alpha1.TrustBundleFormatCertificateAuthorities; {
	case !authorities && s.ClientCertificates == v1alpha1.ClientCertificatesOptional:
		errs = append(errs, field.Invalid(format, s.TrustBundleFormat, "clientCertificates is Optional, and with bundles in SPIFFE's format, Envoy requires a certificate from every client: configure the agent to send certificate authorities (disable_spiffe_cert_validation in its configuration or in the metadata of Envoy's node), and set CertificateAuthorities"))
	case authorities && len(s.TrustBundles) > 1:
		errs = append(errs, field.Invalid(format, s.TrustBundleFormat, "is for one trust domain in trustBundles: Envoy would not know which authority may sign IDs of which domain"))
	}
	return errs
}

func validateHeader(x *v1alpha1.XForwardedClientCert, at *field.Path) field.ErrorList {
	if x.Mode == "" {
		x.Mode = sanitize
	}
	errs := oneOf(at.Child("mode"), x.Mode, modes...)
	details := at.Child("certDetailsToAdd")
	if x.CertDetailsToAdd != nil && len(x.CertDetailsToAdd) == 0 {
		errs = append(errs, field.Invalid(details, 0, "must not be empty; omit it instead"))
	}
	if len(x.CertDetailsToAdd) > 0 && x.Mode != appendForward && x.Mode != sanitizeSet {
		errs = append(errs, field.Forbidden(details, "requires mode AppendForward or SanitizeSet"))
	}
	for i, d := range x.CertDetailsToAdd {
		errs = append(errs, oneOf(details.Index(i), d, subject, cert, chain, dns, uri)...)
		if slices.Contains(x.CertDetailsToAdd[:i], d) {
			errs = append(errs, field.Duplicate(details.Index(i), d))
		}
	}
	return errs
}

func oneOf[T ~string](at *field.Path, value T, allowed ...T) field.ErrorList {
	if slices.Contains(allowed, value) {
		return nil
	}
	return field.ErrorList{field.NotSupported(at, value, allowed)}
}
