package spiffe

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Defaults of fields, as the CRDs have them; resources from files do not pass an API server
// that fills them in.
const (
	defaultSocketPath   = "/spiffe-workload-api/spire-agent.sock"
	defaultFetchTimeout = "2s"
)

// Limits of fields, as the CRDs have them.
const (
	maxPeers      = 64
	maxBundles    = 16
	maxDomain     = 255
	maxIdentifier = 1024
	maxID         = 2048
	maxRegex      = 1024
	maxDuration   = 24
	maxSocketPath = 107 // sockaddr_un.sun_path, https://man7.org/linux/man-pages/man7/unix.7.html
)

// Patterns of fields, as the CRDs have them.
var (
	absolutePath = regexp.MustCompile(`^/[^\s]+$`)
	duration     = regexp.MustCompile(`^([0-9]{1,5}(h|m|s|ms)){1,4}$`)
	idPrefix     = regexp.MustCompile(`^spiffe://[a-z0-9._-]+/[a-zA-Z0-9._/-]*$`)
)

// Fields are the fields that policies have in common, where they are in the policy.
type Fields struct {
	TrustDomain         v1alpha1.TrustDomain
	WorkloadIdentifier  string
	TrustBundles        *[]v1alpha1.TrustDomain
	Agent               *v1alpha1.SPIREAgent
	InitialFetchTimeout *gwapiv1.Duration

	// Peers are whom the policy accepts, in the field of the name PeersField.
	Peers      []v1alpha1.SPIFFEIDMatch
	PeersField string
}

// SetDefaults fills in what the API server would.
func (f Fields) SetDefaults() {
	if f.Agent.SocketPath == "" {
		f.Agent.SocketPath = defaultSocketPath
	}
	if *f.InitialFetchTimeout == "" {
		*f.InitialFetchTimeout = defaultFetchTimeout
	}
	if len(*f.TrustBundles) == 0 {
		*f.TrustBundles = []v1alpha1.TrustDomain{f.TrustDomain}
	}
}

// Source is what the fields say, once they are validated.
func (f Fields) Source() Source {
	timeout, _ := time.ParseDuration(string(*f.InitialFetchTimeout)) // validated
	return Source{f.TrustDomain, f.WorkloadIdentifier, *f.TrustBundles, *f.Agent, timeout}
}

// ValidateShape checks what the CRDs say of single fields and not of their meaning:
// lengths, patterns, and lists that are there but empty. It has to be called before the
// defaults hide what is empty.
func (f Fields) ValidateShape(at *field.Path) (errs field.ErrorList) {
	list := func(name string, n, limit int, empty bool) {
		if empty {
			errs = append(errs, field.Invalid(at.Child(name), n, "must not be empty; leave it out instead"))
		}
		if n > limit {
			errs = append(errs, field.TooMany(at.Child(name), n, limit))
		}
	}
	text := func(at *field.Path, value string, limit int) {
		if len(value) > limit {
			errs = append(errs, field.TooLong(at, value, limit))
		}
	}
	bundles := *f.TrustBundles
	list(f.PeersField, len(f.Peers), maxPeers, f.Peers != nil && len(f.Peers) == 0)
	list("trustBundles", len(bundles), maxBundles, bundles != nil && len(bundles) == 0)
	text(at.Child("trustDomain"), string(f.TrustDomain), maxDomain)
	text(at.Child("workloadIdentifier"), f.WorkloadIdentifier, maxIdentifier)
	for i, p := range f.Peers {
		peer := at.Child(f.PeersField).Index(i)
		text(peer.Child("exact"), ptr.Deref(p.Exact, ""), maxID)
		text(peer.Child("prefix"), ptr.Deref(p.Prefix, ""), maxID)
		text(peer.Child("regex"), ptr.Deref(p.Regex, ""), maxRegex)
	}
	for i, d := range bundles {
		text(at.Child("trustBundles").Index(i), string(d), maxDomain)
	}
	if n := f.Agent.SDSNames; n != nil {
		names := at.Child("agent", "sdsNames")
		text(names.Child("svid"), n.SVID, maxID)
		text(names.Child("trustBundle"), n.TrustBundle, maxID)
		text(names.Child("allTrustBundles"), n.AllTrustBundles, maxID)
	}
	switch timeout := string(*f.InitialFetchTimeout); {
	case len(timeout) > maxDuration:
		errs = append(errs, field.TooLong(at.Child("initialFetchTimeout"), timeout, maxDuration))
	case timeout != "" && !duration.MatchString(timeout):
		errs = append(errs, field.Invalid(at.Child("initialFetchTimeout"), timeout, "must match "+duration.String()))
	}
	return errs
}

// Validate checks what the fields mean, once the defaults are set.
func (f Fields) Validate(at *field.Path) (errs field.ErrorList) {
	if err := validTrustDomain(f.TrustDomain); err != nil {
		// The bundles and the peers are by default of this domain: one error is enough.
		errs = append(errs, field.Invalid(at.Child("trustDomain"), f.TrustDomain, err.Error()))
	} else {
		errs = append(errs, f.validateIdentity(at)...)
		for i, p := range f.Peers {
			errs = append(errs, f.validatePeer(p, at.Child(f.PeersField).Index(i))...)
		}
	}
	if path := f.Agent.SocketPath; !absolutePath.MatchString(path) || len(path) > maxSocketPath {
		errs = append(errs, field.Invalid(at.Child("agent", "socketPath"), path, "must be an absolute path of at most 107 bytes"))
	}
	if d, err := time.ParseDuration(string(*f.InitialFetchTimeout)); err != nil || d < 100*time.Millisecond || d > time.Minute {
		errs = append(errs, field.Invalid(at.Child("initialFetchTimeout"), *f.InitialFetchTimeout, "must be a duration between 100ms and 60s"))
	}
	return errs
}

func (f Fields) validateIdentity(at *field.Path) (errs field.ErrorList) {
	if err := spiffeid.ValidatePath(f.WorkloadIdentifier); err != nil || f.WorkloadIdentifier == "" {
		errs = append(errs, field.Invalid(at.Child("workloadIdentifier"), f.WorkloadIdentifier, "must be the path of a SPIFFE ID, such as /ns/shop/sa/envoy"))
	}
	for i, d := range *f.TrustBundles {
		if err := validTrustDomain(d); err != nil {
			errs = append(errs, field.Invalid(at.Child("trustBundles").Index(i), d, err.Error()))
		}
		if slices.Contains((*f.TrustBundles)[:i], d) {
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

func (f Fields) validatePeer(p v1alpha1.SPIFFEIDMatch, at *field.Path) (errs field.ErrorList) {
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
		return f.inTrustBundles(at.Child("exact"), *p.Exact, *p.Exact)
	case p.Prefix != nil:
		errs := f.inTrustBundles(at.Child("prefix"), *p.Prefix, *p.Prefix)
		if len(errs) == 0 && !idPrefix.MatchString(*p.Prefix) {
			errs = field.ErrorList{field.Invalid(at.Child("prefix"), *p.Prefix, "must match "+idPrefix.String())}
		}
		return errs
	}
	if len(*p.Regex) > maxRegex {
		return nil // ValidateShape says so, and to compile it takes hundreds of bytes for each of its own
	}
	re, err := regexp.Compile(*p.Regex) // RE2 syntax, as Envoy's
	if err != nil {
		return field.ErrorList{field.Invalid(at.Child("regex"), *p.Regex, err.Error())}
	}
	literal, _ := re.LiteralPrefix()
	return f.inTrustBundles(at.Child("regex"), *p.Regex, literal)
}

// inTrustBundles requires that everything that begins with literal is in one of the trust
// domains: otherwise a peer of a domain that was not meant could match.
func (f Fields) inTrustBundles(at *field.Path, value, literal string) field.ErrorList {
	for _, d := range *f.TrustBundles {
		if strings.HasPrefix(literal, "spiffe://"+string(d)+"/") {
			return nil
		}
	}
	return field.ErrorList{field.Invalid(at, value,
		"must begin with spiffe://, the literal name of a trust domain in trustBundles (by default: trustDomain) and a slash; in a regex, escape the dots")}
}
