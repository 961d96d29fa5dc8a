package backendmtls

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Defaults of fields, as the CRD has them; resources from files do not pass an API server
// that fills them in.
const (
	defaultSocketPath   = "/spiffe-workload-api/spire-agent.sock"
	defaultFetchTimeout = "2s"
	maxRegex            = 1024
	maxSocketPath       = 107 // sockaddr_un.sun_path, https://man7.org/linux/man-pages/man7/unix.7.html
)

// targetKinds are what the policy can be attached to.
var targetKinds = []string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute}

// setDefaults fills in what the API server would.
func setDefaults(s *v1alpha1.BackendMTLSPolicySpec) {
	if s.Agent.SocketPath == "" {
		s.Agent.SocketPath = defaultSocketPath
	}
	if s.InitialFetchTimeout == "" {
		s.InitialFetchTimeout = defaultFetchTimeout
	}
	if s.PlaintextBackends == "" {
		s.PlaintextBackends = v1alpha1.PlaintextUpgrade
	}
	if len(s.TrustBundles) == 0 {
		s.TrustBundles = []v1alpha1.TrustDomain{s.TrustDomain}
	}
}

// validate fills in the defaults and checks what the CRD checks: not every policy passes
// an API server with a CRD of this version.
func validate(p *v1alpha1.BackendMTLSPolicy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	errs := validateShape(s, at) // before the defaults hide what is empty
	setDefaults(s)
	errs = append(errs, policy.ValidateTargets(&s.PolicyTargets, targetKinds, at)...)
	if err := validTrustDomain(s.TrustDomain); err != nil {
		// The bundles and the peers are by default of this domain: one error is enough.
		errs = append(errs, field.Invalid(at.Child("trustDomain"), s.TrustDomain, err.Error()))
	} else {
		errs = append(errs, validateIdentity(s, at)...)
		errs = append(errs, validatePeers(s, at)...)
	}
	if path := s.Agent.SocketPath; !absolutePath.MatchString(path) || len(path) > maxSocketPath {
		errs = append(errs, field.Invalid(at.Child("agent", "socketPath"), path, "must be an absolute path of at most 107 bytes"))
	}
	if d, err := time.ParseDuration(string(s.InitialFetchTimeout)); err != nil || d < 100*time.Millisecond || d > time.Minute {
		errs = append(errs, field.Invalid(at.Child("initialFetchTimeout"), s.InitialFetchTimeout, "must be a duration between 100ms and 60s"))
	}
	modes := []v1alpha1.PlaintextBackends{v1alpha1.PlaintextUpgrade, v1alpha1.PlaintextLeave, v1alpha1.PlaintextDeny}
	if !slices.Contains(modes, s.PlaintextBackends) {
		errs = append(errs, field.NotSupported(at.Child("plaintextBackends"), s.PlaintextBackends, modes))
	}
	return errs
}

func validateIdentity(s *v1alpha1.BackendMTLSPolicySpec, at *field.Path) (errs field.ErrorList) {
	if err := spiffeid.ValidatePath(s.WorkloadIdentifier); err != nil || s.WorkloadIdentifier == "" {
		errs = append(errs, field.Invalid(at.Child("workloadIdentifier"), s.WorkloadIdentifier, "must be the path of a SPIFFE ID, such as /ns/shop/sa/envoy"))
	}
	for i, d := range s.TrustBundles {
		if err := validTrustDomain(d); err != nil {
			errs = append(errs, field.Invalid(at.Child("trustBundles").Index(i), d, err.Error()))
		}
		if slices.Contains(s.TrustBundles[:i], d) {
			errs = append(errs, field.Duplicate(at.Child("trustBundles").Index(i), d))
		}
	}
	return errs
}

func validTrustDomain(d v1alpha1.TrustDomain) error {
	// TrustDomainFromString takes a whole SPIFFE ID as well, which is not meant here.
	_, err := spiffeid.FromString("spiffe://" + string(d) + "/workload")
	return err
}

func validatePeers(s *v1alpha1.BackendMTLSPolicySpec, at *field.Path) (errs field.ErrorList) {
	switch {
	case len(s.Peers) == 0 && !s.AllowAnyInTrustDomain:
		errs = append(errs, field.Required(at.Child("peers"), "name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"))
	case len(s.Peers) > 0 && s.AllowAnyInTrustDomain:
		errs = append(errs, field.Forbidden(at.Child("peers"), "allowAnyInTrustDomain is true: use one of the two"))
	}
	for i, p := range s.Peers {
		errs = append(errs, validatePeer(s, p, at.Child("peers").Index(i))...)
	}
	return errs
}

func validatePeer(s *v1alpha1.BackendMTLSPolicySpec, p v1alpha1.SPIFFEIDMatch, at *field.Path) (errs field.ErrorList) {
	set := 0
	for _, f := range []*string{p.Exact, p.Prefix, p.Regex} {
		if f != nil {
			set++
		}
	}
	if set != 1 {
		return field.ErrorList{field.Invalid(at, set, "set exactly one of exact, prefix and regex")}
	}
	switch {
	case p.Exact != nil:
		if _, err := spiffeid.FromString(*p.Exact); err != nil {
			return field.ErrorList{field.Invalid(at.Child("exact"), *p.Exact, err.Error())}
		}
		return inTrustBundles(s, at.Child("exact"), *p.Exact, *p.Exact)
	case p.Prefix != nil:
		errs := inTrustBundles(s, at.Child("prefix"), *p.Prefix, *p.Prefix)
		if len(errs) == 0 && !idPrefix.MatchString(*p.Prefix) {
			errs = field.ErrorList{field.Invalid(at.Child("prefix"), *p.Prefix, "must match "+idPrefix.String())}
		}
		return errs
	}
	if len(*p.Regex) > maxRegex {
		return nil // validateShape says so, and to compile it takes hundreds of bytes for each of its own
	}
	re, err := regexp.Compile(*p.Regex) // RE2 syntax, as Envoy's
	if err != nil {
		return field.ErrorList{field.Invalid(at.Child("regex"), *p.Regex, err.Error())}
	}
	literal, _ := re.LiteralPrefix()
	return inTrustBundles(s, at.Child("regex"), *p.Regex, literal)
}

// inTrustBundles requires that everything that begins with literal is in one of the trust
// domains: otherwise a peer of a domain that was not meant could match.
func inTrustBundles(s *v1alpha1.BackendMTLSPolicySpec, at *field.Path, value, literal string) field.ErrorList {
	for _, d := range s.TrustBundles {
		if strings.HasPrefix(literal, "spiffe://"+string(d)+"/") {
			return nil
		}
	}
	return field.ErrorList{field.Invalid(at, value,
		"must begin with spiffe://, the literal name of a trust domain in trustBundles (by default: trustDomain) and a slash; in a regex, escape the dots")}
}
