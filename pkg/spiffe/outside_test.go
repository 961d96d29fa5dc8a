package spiffe

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

func TestOutside(t *testing.T) {
	// Go has no \C; the strings here are valid UTF-8.
	of := func(domain string) *regexp.Regexp {
		text := Outside(domain).GetMatcher().GetSafeRegex().GetRegex()
		return regexp.MustCompile(`(?s)^(?:` + strings.ReplaceAll(text, `\C`, ".") + `)$`)
	}
	for domain, c := range map[string]struct{ inside, outside []string }{
		"a.org": {
			[]string{"spiffe://a.org/", "spiffe://a.org/x", "spiffe://a.org//b.org/x", "spiffe://a.org/\n"},
			[]string{"spiffe://b.org/x", "spiffe://a.or/x", "spiffe://a.orgs/x", "spiffe://a.org", "spiffe://axorg/x", "spiffe:///a.org/", "spiffe://a.org.b/x", "spiffe://A.org/x", "spiffe://", "spiffe://b.org/\n"},
		},
		"a-b_c":                  {[]string{"spiffe://a-b_c/x"}, []string{"spiffe://a_b_c/x", "spiffe://ab/x", "spiffe://a-b_/x"}},
		strings.Repeat("x", 255): {[]string{"spiffe://" + strings.Repeat("x", 255) + "/y"}, []string{"spiffe://" + strings.Repeat("x", 254) + "/y"}},
	} {
		for _, id := range c.inside {
			require.False(t, of(domain).MatchString(id), id)
		}
		for _, id := range c.outside {
			require.True(t, of(domain).MatchString(id), id)
		}
	}
}

func TestByDomain(t *testing.T) {
	text := func(s string) *string { return &s }
	found := ByDomain(Matchers([]v1alpha1.SPIFFEIDMatch{
		{Exact: text("spiffe://a.org/x")}, {Prefix: text("spiffe://b.org/")}, {Regex: text(`spiffe://a\.org/[a-z]+`)},
	}, nil))
	require.Len(t, found, 2)
	require.Equal(t, "a.org", found[0].Name)
	require.Len(t, found[0].Matchers, 2)
	require.Equal(t, "b.org", found[1].Name)
	require.Len(t, found[1].Matchers, 1)
}
