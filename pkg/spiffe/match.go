package spiffe

import (
	"errors"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// ErrNoURIMatcher should never occur: it is the last check before a context that accepts every
// workload of the trust domain.
var ErrNoURIMatcher = errors.New("no URI matcher: every workload of the trust domain would be accepted")

// Matchers returns the URI matchers for peers. There is always at least one: without peers, each trust
// domain is a prefix matcher, because a context without URI matchers would accept the peers of every
// domain in its bundle.
func Matchers(peers []v1alpha1.SPIFFEIDMatch, domains []v1alpha1.TrustDomain) []*tlsv3.SubjectAltNameMatcher {
	var out []*tlsv3.SubjectAltNameMatcher
	for _, p := range peers {
		m := &matcherv3.StringMatcher{}
		switch {
		case p.Exact != nil:
			m.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: *p.Exact}
		case p.Prefix != nil:
			m.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: *p.Prefix}
		case p.Regex != nil:
			m.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: *p.Regex}}
		}
		out = append(out, URI(m))
	}
	if len(peers) > 0 {
		return out
	}
	for _, d := range domains {
		out = append(out, URI(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: "spiffe://" + string(d) + "/"}}))
	}
	return out
}

// URI matches URIs in certificates.
func URI(m *matcherv3.StringMatcher) *tlsv3.SubjectAltNameMatcher {
	return &tlsv3.SubjectAltNameMatcher{SanType: tlsv3.SubjectAltNameMatcher_URI, Matcher: m}
}

// Describe formats matchers for users: a prefix ends with an asterisk, and a regular expression begins
// with a tilde.
func Describe(matchers []*tlsv3.SubjectAltNameMatcher) (out []string) {
	for _, m := range matchers {
		switch m := m.GetMatcher(); {
		case m.GetExact() != "":
			out = append(out, m.GetExact())
		case m.GetPrefix() != "":
			out = append(out, m.GetPrefix()+"*")
		default:
			out = append(out, "~"+m.GetSafeRegex().GetRegex())
		}
	}
	return out
}

// RequireURI returns an error unless the context has matchers, all of type URI.
func RequireURI(ctx *tlsv3.CommonTlsContext) error {
	return RequireURIMatchers(ctx.GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames())
}

// RequireURIMatchers returns an error unless there are matchers, all of type URI.
func RequireURIMatchers(sans []*tlsv3.SubjectAltNameMatcher) error {
	if len(sans) == 0 {
		return ErrNoURIMatcher
	}
	for _, san := range sans {
		if san.GetSanType() != tlsv3.SubjectAltNameMatcher_URI || san.GetMatcher().GetMatchPattern() == nil {
			return ErrNoURIMatcher
		}
	}
	return nil
}
