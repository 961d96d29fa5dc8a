package backendmtls

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Patterns of fields, as the CRD has them.
var (
	absolutePath = regexp.MustCompile(`^/[^\s]+$`)
	duration     = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	idPrefix     = regexp.MustCompile(`^spiffe://[a-z0-9._-]+/[a-zA-Z0-9._/-]*$`)
)

// validateShape checks what the CRD says of single fields and not of their meaning:
// lengths, patterns, and lists that are there but empty.
func validateShape(s *v1alpha1.BackendMTLSPolicySpec, at *field.Path) (errs field.ErrorList) {
	list := func(name string, n, limit int, empty bool) {
		if empty {
			errs = append(errs, field.Invalid(at.Child(name), n, "must not be empty; leave it out instead"))
		}
		if n > limit {
			errs = append(errs, field.TooMany(at.Child(name), n, limit))
		}
	}
	text := func(at *field.Path, value string, limit int, pattern *regexp.Regexp) {
		if len(value) > limit {
			errs = append(errs, field.TooLong(at, value, limit))
		} else if value != "" && pattern != nil && !pattern.MatchString(value) {
			errs = append(errs, field.Invalid(at, value, "must match "+pattern.String()))
		}
	}
	list("peers", len(s.Peers), 64, s.Peers != nil && len(s.Peers) == 0)
	list("trustBundles", len(s.TrustBundles), 16, s.TrustBundles != nil && len(s.TrustBundles) == 0)
	text(at.Child("trustDomain"), string(s.TrustDomain), 255, nil)
	text(at.Child("workloadIdentifier"), s.WorkloadIdentifier, 1024, nil)
	for i, p := range s.Peers {
		peer := at.Child("peers").Index(i)
		text(peer.Child("exact"), ptr.Deref(p.Exact, ""), 2048, nil)
		text(peer.Child("prefix"), ptr.Deref(p.Prefix, ""), 2048, nil)
		text(peer.Child("regex"), ptr.Deref(p.Regex, ""), maxRegex, nil)
	}
	for i, d := range s.TrustBundles {
		text(at.Child("trustBundles").Index(i), string(d), 255, nil)
	}
	if n := s.Agent.SDSNames; n != nil {
		names := at.Child("agent", "sdsNames")
		text(names.Child("svid"), n.SVID, 2048, nil)
		text(names.Child("trustBundle"), n.TrustBundle, 2048, nil)
		text(names.Child("allTrustBundles"), n.AllTrustBundles, 2048, nil)
	}
	text(at.Child("initialFetchTimeout"), string(s.InitialFetchTimeout), 24, duration)
	return errs
}
