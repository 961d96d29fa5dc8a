package spiffe

import (
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const notSupported = "is not in the supported subset of RE2"

func TestRegexesThatEnvoyTakes(t *testing.T) {
	for _, text := range []string{
		`spiffe://example\.org/ns/[a-z]+/sa/cart`, `spiffe://example\.org/`, `spiffe://example\.org/.*`,
		`spiffe://a-b_c\.d/(?:cart|shop(-v[0-9]{1,3})?)/\w+\d{2,}[^/]*`, `spiffe://a/[-a-z._]+/[^a-]?/\-\/\.`,
		`spiffe://a/(a|b|(c|d)*)+`, `spiffe://a/()`, `spiffe://a/x{64}y{0,64}z{1}w{3,}`,
	} {
		require.NoError(t, validRegex(text), text)
	}
}

// TestRegexesThatEnvoyMayReject has one regular expression of each kind that Go accepts and RE2
// rejects, and of each expensive kind.
func TestRegexesThatEnvoyMayReject(t *testing.T) {
	for text, want := range map[string]string{
		`spiffe://a\.org/\p{Letter}`: notSupported, `spiffe://a\.org/\p{greek}`: notSupported, `spiffe://a\.org/\pL`: notSupported,
		`spiffe://a\.org/(\pL|x){333}`: notSupported, `spiffe://a\.org/x{65}`: notSupported, `spiffe://a\.org/x{1,1000}`: notSupported,
		`spiffe://a\.org/(ab){2}`: notSupported, `spiffe://a\.org/x{2}{3}`: notSupported, `spiffe://a\.org/x**`: notSupported, `spiffe://a\.org/x*?`: notSupported,
		`spiffe://a\.org/(?i)x`: notSupported, `spiffe://a\.org/(?i:x)`: notSupported, `spiffe://a\.org/(?P<n>x)`: notSupported, `spiffe://a\.org/x$`: notSupported,
		`spiffe://a\.org/^x`: notSupported, `spiffe://a\.org/\bx`: notSupported, `spiffe://a\.org/\C`: notSupported, `spiffe://a\.org/[[:alpha:]]`: notSupported,
		`spiffe://a\.org/é`: notSupported, "spiffe://a\\.org/x\x00": notSupported, "spiffe://a\\.org/\xff": notSupported, "spiffe://a\\.org/x\n": notSupported,
		`spiffe://a\.org/a|spiffe://b\.org/b`: notSupported, `spiffe://a\.org/(((a)))`: notSupported, `spiffe://a\.org/*`: notSupported, `spiffe://a\.org/(a`: notSupported,
		`spiffe://a\.org/a)`: notSupported, `spiffe://a\.org/[]`: notSupported, `spiffe://a.org/x`: notSupported, `spiffe://.*/x`: notSupported, `(spiffe://a\.org/)x`: notSupported,
		`spiffe://a\.org/[z-a]`:                "error parsing regexp: invalid character class range: `z-a`",
		`spiffe://a\.org/x{5,3}`:               "error parsing regexp: invalid repeat count: `{5,3}`",
		`spiffe://a\.org/x{1}x{1}x{1}x{1}x{1}`: "has 5 counted repetitions: at most 4 are supported",
	} {
		require.ErrorContains(t, validRegex(text), want, text)
	}
}

// TestProgramsAreSmall: programs keep the limit that the comments and the documentation state.
func TestProgramsAreSmall(t *testing.T) {
	for _, piece := range []string{".", ".?", "[^a]", "(.|)*", `\w`, "[a-zA-Z0-9_./-]"} {
		text := `spiffe://a\.org/` + strings.Repeat("[^a0-9z]{1,64}", maxRepetitions)
		text += strings.Repeat(piece, (maxRegex-len(text))/len(piece))
		require.NoError(t, validRegex(text))
		parsed, err := syntax.Parse(text, syntax.Perl)
		require.NoError(t, err)
		program, err := syntax.Compile(parsed.Simplify())
		require.NoError(t, err)
		require.Less(t, len(program.Inst), 1000, "Go counts characters where RE2 counts ranges of bytes, of which a character has at most six")
	}
}
