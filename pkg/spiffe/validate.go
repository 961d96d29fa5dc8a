package spiffe

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/internal/unixsocket"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Defaults of fields, as in the CRDs. No API server sets them on resources from files.
const (
	defaultSocketPath   = "/spiffe-workload-api/spire-agent.sock"
	defaultFetchTimeout = "2s"
)

// Limits of fields, as in the CRDs.
const (
	maxPeers      = 64
	maxBundles    = 16
	maxDomain     = 255
	maxIdentifier = 1024
	maxID         = 2048
	maxDuration   = 24
)

// Fields are pointers to the fields that policies share.
type Fields struct {
	TrustDomain         v1alpha1.TrustDomain
	WorkloadIdentifier  string
	TrustBundles        *[]v1alpha1.TrustDomain
	Agent               *v1alpha1.SPIREAgent
	InitialFetchTimeout *gwapiv1.Duration

	// Peers are the SPIFFE IDs that the policy accepts, from the field named PeersField.
	Peers      []v1alpha1.SPIFFEIDMatch
	PeersField string
}

// SetDefaults sets the defaults that the API server would set.
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

// Source returns the source that the validated fields describe.
func (f Fields) Source() Source {
	timeout, _ := duration.Parse(*f.InitialFetchTimeout) // validated
	return Source{f.TrustDomain, f.WorkloadIdentifier, *f.TrustBundles, *f.Agent, timeout}
}

// ValidateShape checks the form of single fields, as the CRDs do: lengths, patterns, and empty lists.
// Call it before SetDefaults, which hides empty fields.
func (f Fields) ValidateShape(at *field.Path) (errs field.ErrorList) {
	list := func(name string, n, limit int, empty bool) {
		if empty {
			errs = append(errs, field.Invalid(at.Child(name), n, "must not be empty; omit it instead"))
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
	for i, p := range f.Peers[:min(len(f.Peers), maxPeers)] {
		peer := at.Child(f.PeersField).Index(i)
		text(peer.Child("exact"), ptr.Deref(p.Exact, ""), maxID)
		text(peer.Child("prefix"), ptr.Deref(p.Prefix, ""), maxID)
		text(peer.Child("regex"), ptr.Deref(p.Regex, ""), maxRegex)
	}
	for i, d := range f.bundles() {
		text(at.Child("trustBundles").Index(i), string(d), maxDomain)
	}
	if n := f.Agent.SDSNames; n != nil {
		names := at.Child("agent", "sdsNames")
		errs = append(errs, validName(names.Child("svid"), n.SVID)...)
		errs = append(errs, validName(names.Child("trustBundle"), n.TrustBundle)...)
		errs = append(errs, validName(names.Child("allTrustBundles"), n.AllTrustBundles)...)
	}
	switch timeout := *f.InitialFetchTimeout; {
	case len(timeout) > maxDuration:
		errs = append(errs, field.TooLong(at.Child("initialFetchTimeout"), timeout, maxDuration))
	case timeout != "" && !duration.Matches(timeout):
		errs = append(errs, field.Invalid(at.Child("initialFetchTimeout"), timeout, "must match "+duration.Pattern))
	}
	return errs
}

// validName checks the name of a secret, which is empty for the default.
func validName(at *field.Path, name string) field.ErrorList {
	switch {
	case len(name) > maxID:
		return field.ErrorList{field.TooLong(at, name, maxID)}
	case name != "" && !secretName().MatchString(name):
		return field.ErrorList{field.Invalid(at, name, "must consist of printable ASCII characters without spaces")}
	}
	return nil
}

// Validate checks the meaning of the fields. Call it after SetDefaults.
func (f Fields) Validate(at *field.Path) (errs field.ErrorList) {
	if len(f.TrustDomain) > maxDomain {
		return nil // as below: ValidateShape reports it, and no other check reads an overlong value
	} else if err := validTrustDomain(f.TrustDomain); err != nil {
		// The bundles and the peers default to this domain: one error is enough.
		errs = append(errs, field.Invalid(at.Child("trustDomain"), f.TrustDomain, err.Error()))
	} else {
		errs = append(errs, f.validateIdentity(at)...)
		errs = append(errs, f.validatePeers(at.Child(f.PeersField))...)
	}
	if path := f.Agent.SocketPath; len(path) > unixsocket.MaxPath {
		errs = append(errs, field.TooLong(at.Child("agent", "socketPath"), path, unixsocket.MaxPath))
	} else if !socketPath().MatchString(path) {
		errs = append(errs, field.Invalid(at.Child("agent", "socketPath"), path, fmt.Sprintf("must be an absolute path of at most %d of the characters a-z, A-Z, 0-9 and ._/@+=:,~-", unixsocket.MaxPath)))
	}
	if timeout := *f.InitialFetchTimeout; len(timeout) <= maxDuration && duration.Matches(timeout) {
		errs = append(errs, duration.Between(at.Child("initialFetchTimeout"), timeout, "100ms", "60s")...)
	}
	return errs
}

func (f Fields) validateIdentity(at *field.Path) (errs field.ErrorList) {
	if err := spiffeid.ValidatePath(f.WorkloadIdentifier); len(f.WorkloadIdentifier) <= maxIdentifier && (err != nil || f.WorkloadIdentifier == "") {
		errs = append(errs, field.Invalid(at.Child("workloadIdentifier"), f.WorkloadIdentifier, "must be the path of a SPIFFE ID, such as /ns/shop/sa/envoy"))
	}
	for i, d := range f.bundles() {
		if len(d) > maxDomain {
			continue
		}
		if err := validTrustDomain(d); err != nil {
			errs = append(errs, field.Invalid(at.Child("trustBundles").Index(i), d, err.Error()))
		}
		if slices.Contains(f.bundles()[:i], d) {
			errs = append(errs, field.Duplicate(at.Child("trustBundles").Index(i), d))
		}
	}
	return errs
}

// bundles returns the trust domains to check, up to the maximum number, so that the work does not
// grow quadratically with the length of a policy's lists.
func (f Fields) bundles() []v1alpha1.TrustDomain {
	return (*f.TrustBundles)[:min(len(*f.TrustBundles), maxBundles)]
}

func (f Fields) validatePeers(at *field.Path) (errs field.ErrorList) {
	for i, p := range f.Peers[:min(len(f.Peers), maxPeers)] {
		errs = append(errs, f.validatePeer(p, at.Index(i))...)
	}
	return errs
}

func validTrustDomain(d v1alpha1.TrustDomain) error {
	// TrustDomainFromString also accepts a whole SPIFFE ID, which is invalid here.
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
		return f.validateText(at.Child("exact"), *p.Exact, exactID())
	case p.Prefix != nil:
		return f.validateText(at.Child("prefix"), *p.Prefix, idPrefix())
	}
	return f.validateRegex(at.Child("regex"), *p.Regex)
}

func (f Fields) validateRegex(at *field.Path, text string) field.ErrorList {
	if len(text) > maxRegex {
		return nil
	}
	errs := f.inTrustBundles(at, text, func(domain string) string { return strings.ReplaceAll(domain, ".", `\.`) })
	if len(errs) > 0 {
		return errs
	}
	if err := validRegex(text); err != nil {
		return field.ErrorList{field.Invalid(at, text, err.Error())}
	}
	return nil
}

// validateText validates a peer's ID or ID prefix.
func (f Fields) validateText(at *field.Path, value string, pattern *regexp.Regexp) field.ErrorList {
	if len(value) > maxID {
		return nil
	}
	errs := f.inTrustBundles(at, value, func(domain string) string { return domain })
	if len(errs) == 0 && !pattern.MatchString(value) {
		errs = field.ErrorList{field.Invalid(at, value, "must match "+pattern.String())}
	}
	return errs
}

// inTrustBundles requires that the value begins with one of the trust domains, as formatted by quote:
// otherwise, a peer of an unintended domain could match.
func (f Fields) inTrustBundles(at *field.Path, value string, quote func(domain string) string) field.ErrorList {
	for _, d := range f.bundles() {
		if strings.HasPrefix(value, "spiffe://"+quote(string(d))+"/") {
			return nil
		}
	}
	return field.ErrorList{field.Invalid(at, value,
		"must begin with spiffe://, the literal name of a trust domain in trustBundles (by default: trustDomain) and a slash; in a regex, escape the dots")}
}
