package spiffe

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Limits of a peer's regular expression, as in the CRDs. A program grows with the
// length and, for each counted repetition, by 64 times its operand: with these limits a
// program has fewer than 6,000 instructions.
const (
	maxRegex       = 256
	maxRepetitions = 4
)

// Patterns of fields, as in the CRDs. Envoy accepts every match: trust domains and paths consist of
// the characters of SPIFFE IDs; names and paths in its configuration are printable ASCII, because
// Envoy rejects NUL in the path of a socket.
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

// onceUsed returns a function that compiles a pattern at its first use: together, the patterns take
// 300 KB.
func onceUsed(pattern func() string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern()) })
}

// RegexPattern is the pattern that a peer's regular expression must match, as in the CRDs: a subset
// of RE2's syntax that Go and RE2 interpret the same way. It describes the complete syntax, except for
// the order in ranges and repetitions, which compilation checks.
//
// ASCII only, without anchors, flags, names or classes of Unicode. Groups nest once, single
// characters repeat up to 64 times, and alternatives only occur in groups, so that the literal
// trust domain at the start applies to all of them.
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

// validRegex returns an error unless Envoy accepts the expression. The caller has checked its length,
// so the compiled program is small.
func validRegex(text string) error {
	if !idRegex().MatchString(text) {
		return fmt.Errorf("is not in the supported subset of RE2: after the literal trust domain, ASCII characters of SPIFFE IDs, . \\. \\- \\/ \\d \\w, classes, * + ? {n,m} up to 64, and groups with alternatives")
	}
	if n := strings.Count(text, "{"); n > maxRepetitions {
		return fmt.Errorf("has %d counted repetitions: at most %d are supported", n, maxRepetitions)
	}
	_, err := regexp.Compile(text)
	return err
}
