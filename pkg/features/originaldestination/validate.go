package originaldestination

import (
	"errors"
	"net/netip"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Defaults and limits of fields, as in the CRD, because resources from files do not pass an API
// server.
const (
	defaultNamespace       = "egraft.io"
	defaultKey             = "destination"
	defaultConnectTimeout  = "5s"
	defaultCleanupInterval = "60s"
	defaultLimit           = 1024
	maxNetworks            = 32
	maxNetworksText        = 384
	maxName                = 128
	maxHeader              = 64
	maxFilter              = 128
	maxHostname            = validation.DNS1123SubdomainMaxLength
	maxBundle              = 65536
	maxCertificates        = 64
	maxLimit               = 1<<31 - 1
)

// Patterns of fields, as in the CRD.
var (
	metadataName = regexp.MustCompile(`^[a-zA-Z0-9._/-]+$`)
	headerName   = regexp.MustCompile(`^x-[a-z0-9]+(-[a-z0-9]+)*$`)
	hostname     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	bundle       = regexp.MustCompile(`^-----BEGIN CERTIFICATE-----`)
)

// setDefaults sets the defaults that the API server would set.
func setDefaults(s *v1alpha1.OriginalDestinationBackendSpec) {
	if s.Source.Metadata == nil && s.Source.Header == nil {
		s.Source.Metadata = &v1alpha1.DestinationMetadata{}
	}
	if m := s.Source.Metadata; m != nil {
		m.Namespace, m.Key = orDefault(m.Namespace, defaultNamespace), orDefault(m.Key, defaultKey)
	}
	s.ConnectTimeout = orDefault(s.ConnectTimeout, defaultConnectTimeout)
	s.CleanupInterval = orDefault(s.CleanupInterval, defaultCleanupInterval)
	b := &s.CircuitBreakers
	for _, limit := range []**int{&b.MaxConnections, &b.MaxPendingRequests, &b.MaxParallelRequests} {
		*limit = ptr.To(ptr.Deref(*limit, defaultLimit))
	}
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// validate sets the defaults and repeats the checks of the CRD, because not every backend passes an
// API server with a CRD of this version. Only the operator may allow special networks.
func validate(b *v1alpha1.OriginalDestinationBackend, allowSpecial bool) field.ErrorList {
	s, at := &b.Spec, field.NewPath("spec")
	setDefaults(s)
	errs := validateSource(&s.Source, at.Child("source"))
	errs = append(errs, validateNetworks(s.AllowedCIDRs, at.Child("allowedCIDRs"), allowSpecial)...)
	if p := s.Port; p != nil && (*p < 1 || *p > 65535) {
		errs = append(errs, field.Invalid(at.Child("port"), *p, "must be between 1 and 65535"))
	}
	if t := s.TLS; t != nil {
		errs = append(errs, validateTLS(t, at.Child("tls"))...)
	}
	errs = append(errs, duration.Between(at.Child("connectTimeout"), s.ConnectTimeout, "1ms", "1h")...)
	errs = append(errs, duration.Between(at.Child("cleanupInterval"), s.CleanupInterval, "1ms", "1h")...)
	limits := at.Child("circuitBreakers")
	for _, l := range []struct {
		name string
		n    *int
	}{
		{"maxConnections", s.CircuitBreakers.MaxConnections},
		{"maxPendingRequests", s.CircuitBreakers.MaxPendingRequests},
		{"maxParallelRequests", s.CircuitBreakers.MaxParallelRequests},
	} {
		if *l.n < 0 || *l.n > maxLimit {
			errs = append(errs, field.Invalid(limits.Child(l.name), *l.n, "must be between 0 and 2147483647"))
		}
	}
	return errs
}

func validateSource(s *v1alpha1.DestinationSource, at *field.Path) (errs field.ErrorList) {
	if s.Metadata != nil && s.Header != nil {
		errs = append(errs, field.Forbidden(at, "set exactly one of metadata and header"))
	}
	if m := s.Metadata; m != nil {
		errs = append(errs, text(at.Child("metadata", "namespace"), m.Namespace, maxName, metadataName)...)
		errs = append(errs, text(at.Child("metadata", "key"), m.Key, maxName, metadataName)...)
	}
	h := s.Header
	if h == nil {
		return errs
	}
	errs = append(errs, text(at.Child("header", "name"), h.Name, maxHeader, headerName)...)
	errs = append(errs, text(at.Child("header", "filter"), h.Filter, maxFilter, metadataName)...)
	if strings.HasPrefix(h.Name, "x-envoy-") || strings.HasPrefix(h.Name, "x-egraft-") {
		errs = append(errs, field.Invalid(at.Child("header", "name"), h.Name, "must not be a header of Envoy's or egraft's own"))
	}
	return errs
}

func validateNetworks(list []v1alpha1.CIDR, at *field.Path, allowSpecial bool) (errs field.ErrorList) {
	switch {
	case len(list) == 0:
		errs = append(errs, field.Required(at, "name the networks that destinations may be in"))
	case len(list) > maxNetworks:
		return field.ErrorList{field.TooMany(at, len(list), maxNetworks)}
	}
	if length := len(strings.Join(asStrings(list), "")); length > maxNetworksText {
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must have at most 384 characters, all networks together")}
	}
	for i, c := range list {
		p, err := parse(c)
		if err != nil {
			errs = append(errs, field.Invalid(at.Index(i), c, "must be a network such as 10.0.0.0/8 or 2001:db8::/32"))
			continue
		}
		if s, found := namedSpecial(p); found && !allowSpecial {
			errs = append(errs, field.Invalid(at.Index(i), c, "is in "+s.String()+", which requires --allow-special-destinations"))
		}
	}
	return errs
}

func asStrings(list []v1alpha1.CIDR) (out []string) {
	for _, c := range list {
		out = append(out, string(c))
	}
	return out
}

// errMapped is the error for networks that the API server rejects, too.
var errMapped = errors.New("an IPv4 network in IPv6 notation")

// parse parses a network and masks its address.
func parse(c v1alpha1.CIDR) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(string(c))
	if err == nil && p.Addr().Is4In6() {
		err = errMapped
	}
	return p.Masked(), err
}

func text(at *field.Path, value string, limit int, pattern *regexp.Regexp) field.ErrorList {
	if len(value) > limit {
		return field.ErrorList{field.TooLong(at, value, limit)}
	}
	if !pattern.MatchString(value) {
		return field.ErrorList{field.Invalid(at, value, "must match "+pattern.String())}
	}
	return nil
}
