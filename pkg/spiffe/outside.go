package spiffe

import (
	"regexp"
	"slices"
	"strings"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// Domain has the matchers of one trust domain.
type Domain struct {
	Name     string
	Matchers []*tlsv3.SubjectAltNameMatcher
}

// ByDomain groups the matchers of [Matchers] by the trust domain at their start.
func ByDomain(matchers []*tlsv3.SubjectAltNameMatcher) (out []Domain) {
	for _, m := range matchers {
		name := domainOf(m.GetMatcher())
		at := slices.IndexFunc(out, func(d Domain) bool { return d.Name == name })
		if at < 0 {
			at = len(out)
			out = append(out, Domain{Name: name})
		}
		out[at].Matchers = append(out[at].Matchers, m)
	}
	return out
}

func domainOf(m *matcherv3.StringMatcher) string {
	text := m.GetExact() + m.GetPrefix() // only one of them is set
	if rx := m.GetSafeRegex(); rx != nil {
		text = strings.ReplaceAll(rx.GetRegex(), `\.`, ".")
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "spiffe://"), "/")
	return name
}

// Outside matches SPIFFE IDs of all trust domains except one. RE2 has no negation, so the expression
// lists all differences: at the first character, or at the second after an equal first one, and so on.
// The rest is any bytes (\C), because a dot only matches valid UTF-8.
func Outside(domain string) *tlsv3.SubjectAltNameMatcher {
	rest := ""
	name := domain + "/"
	for i := len(name) - 1; i >= 0; i-- {
		char := regexp.QuoteMeta(name[i : i+1])
		if char == "-" {
			char = `\-` // an unescaped one is a range inside a class
		}
		other := `[^` + char + `]\C*`
		if rest != "" {
			other += "|" + char + rest
		}
		rest = "(?:" + other + ")?"
	}
	return URI(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{
		SafeRegex: &matcherv3.RegexMatcher{Regex: "spiffe://" + rest},
	}})
}
