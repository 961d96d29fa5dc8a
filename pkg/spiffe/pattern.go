package spiffe

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Limits of a peer's regular expression, as the CRDs have them. A program grows with the
// length and, for each counted repetition, by 64 times its operand: with these limits a
// program has fewer than 6,000 instructions.
const (
	maxRegex       = 256
	maxRepetitions = 4
)

// Patterns of fields, as the CRDs have them. Whatever matches is taken by Envoy: trust
// domains and paths by the characters of SPIFFE IDs, and names and paths that reach its
// configuration in printable ASCII, since it rejects NUL in the path of a socket.
const (
	socketPattern = `^/[a-zA-Z0-9._/@+=:,~-]+$`
	namePattern   = `^[!-~]+$`
	exactPattern  = `^spiffe://[a-z0-9._-]+(/(\.?[a-zA-Z0-9_-][a-zA-Z0-9._-]*|\.\.[a-zA-Z0-9._-]+))+$`
	prefixPattern = `^spiffe://[a-z0-9._-]+/[a-zA-Z0-9._/-]*$`
)

var (
	socketPath = onceUsed(func() string { return socketPattern })
	secretName = onceUsed(func() string { return namePattern })
	exactID    = onceUsed(func() string { return exactPattern })
	idPrefix   = onceUsed(func() string { return prefixPattern })
	idRegex    = onceUsed(RegexPattern)
)

// onceUsed compiles a pattern when it is used: together they take 300 KB.
func onceUsed(pattern func() string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern()) })
}

// RegexPattern is what a peer's regular expression has to match, as the CRDs have it: a
// subset of RE2's syntax that Go and RE2 read alike. It describes the syntax as a whole but
// for the order in ranges and repetitions, which compiling finds out.
//
// ASCII only, no anchors, flags, names or classes of Unicode, groups in groups once, counted
// repetitions of single characters up to 64, and alternatives in groups only: the literal
// trust domain in front is then in front of all of them.
// https://github.com/google/re2/wiki/Syntax
func RegexPattern() string {
	const (
		count      = `(?:[1-5]?[0-9]|6[0-4])`
		repetition = `(?:[*+?]|\{` + count + `(?:,` + count + `?)?\})?`
		class      = `\[\^?-?(?:[a-zA-Z0-9]-[a-zA-Z0-9]|[a-zA-Z0-9_/:.]|\\[dw./-])+-?\]`
		character  = `(?:[a-zA-Z0-9_/:.-]|\\[dw./-]|` + class + `)` + repetition
		begin, end = `\((?:\?:)?(?:`, `)*\)[*+?]?`
		group      = begin + character + `|\|` + end
		groups     = begin + character + `|\||` + group + end
	)
	return `^spiffe://(?:[a-z0-9_-]|\\\.)+/(?:` + character + `|` + groups + `)*$`
}

// validRegex returns an error unless Envoy takes the expression, whose length the caller
// has checked: what is compiled is small.
func validRegex(text string) error {
	if !idRegex().MatchString(text) {
		return fmt.Errorf("is not of the subset of RE2 that is supported: after the literal trust domain, ASCII characters of SPIFFE IDs, . \\. \\- \\/ \\d \\w, classes, * + ? {n,m} up to 64, and groups with alternatives")
	}
	if n := strings.Count(text, "{"); n > maxRepetitions {
		return fmt.Errorf("has %d counted repetitions: at most %d are supported", n, maxRepetitions)
	}
	_, err := regexp.Compile(text)
	return err
}
