//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// regexPrefix is the required prefix of every expression.
const regexPrefix = `spiffe://example\.org/`

// regexes returns regular expressions. Some are valid in one dialect only, or are expensive.
func regexes() values {
	var out values
	for _, e := range []string{
		`.*`, `.+`, ``, `[a-z]+`, `ns/[^/]+/sa/cart`, `ns/(?:shop|cart)/sa/[a-z0-9-]{1,63}`, `(a|b|c)*`, `\d+`, `\w+\.\w+`, `x?`, `[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+`,
		`\p{Letter}`, `\p{greek}`, `\p{ASCII}`, `\p{Cn}`, `\p{LC}`, `\p{Any}`, `\p{Greek}`, `\p{L}`, `\pL`, `\PL`, `\p{^L}`, `\p{Kawi}`, `\p{Nandinagari}`, `\p{Script=Greek}`, `\p{Lowercase}`,
		`\pL{1000}`, `a{1000}`, `a{1001}`, `(a{10}){100}`, `(a{100}){10}`, `((a{10}){10}){10}`, `(\pL|\pN|x){333}`, `(?i:\pL){300}`, `.{1000}`, `(.{10,1000})`, `x{1,1000}{1,1}`, `a{1000}b{1000}c{1000}d{1000}e{1000}`, `(x+x+)+y`, `[^a]{64}`, `[a-z]{2,64}`,
		`(?P<name>x)`, `(?<name>x)`, `(?P<name>x)(?P<name>y)`, `(?i)x`, `(?s).`, `(?U)x+`, `(?m)^x$`, `(?-i:x)`, `(?x) a b`, `(?i-s:x)`, `(?:)`, `()`, `(((((((((((x)))))))))))`, `(?=x)`, `(?!x)`, `(?>x)`, `(?#x)`, `\1`, `(x)\1`,
		`^x`, `x$`, `\Ax`, `x\z`, `x\Z`, `\bx`, `\Bx`, `\Gx`, `\Cx`, `\C`, `\X`, `\R`, `\K`, `\h`, `\v`, `\a`, `\f`, `\t`, `\n`, `\r`, `\e`, `\cA`, `\0`, `\00`, `\012`, `\x41`, `\x{41}`, `\x{10FFFF}`, `\x{110000}`, `\x{D800}`, `\xFF`, `\u0041`, `\Q.*\E`, `\Qx`, `\E`, `\-`, `\/`, `\_`, `\é`,
		`[[:word:]]`, `[[:^alpha:]]`, `[[:foo:]]`, `[]a]`, `[^]a]`, `[a-]`, `[-a]`, `[z-a]`, `[a-\d]`, `[\d-z]`, `[\pL\d]`, `[^\x00-\x{10FFFF}]`, `[\x00-\x{10FFFF}]`, `[[:alpha:]-z]`, `[a&&b]`, `[[a]]`, `[é-ü]`, `é`, `日本`, "\u200b", "\u212a", `(?i)k`, "x\x00y", `\x00`, "a b", "a\tb", `a**`, `a*+`, `a*?`, `a??`, `a{,5}`, `a{5,}`, `a{0}`, `a{0,0}`, `a{2,1}`, `a{ 1 }`, `a{-1}`, `{1}`, `a{1`, `a{99999999999}`, `*`, `+x`, `|`, `|x`, `(|x)`, `x||y`, `(`, `)`, `[`, `]`, `{`, `}`,
	} {
		out.known = append(out.known, regexPrefix+e, regexPrefix+"x"+e+"y")
	}
	out.known = append(out.known, `spiffe://example.org/x`, `^spiffe://example\.org/x`, `(?i)spiffe://example\.org/x`, `spiffe://example\.org`, `spiffe://example\.org/x|spiffe://evil`, `spiffe://example\.org/`+strings.Repeat("a", 1002), `spiffe://example\.org/`+strings.Repeat(`[a-z]?`, 167), `spiffe://example\.org/`+strings.Repeat(`(\pL|\pN|x){333}`, 60))
	out.random = func(r *rand.Rand) any { return regexPrefix + expression(r, 3, r.IntN(2) == 0) }
	return out
}

// expression returns a random expression. A plain one uses only common syntax.
func expression(r *rand.Rand, depth int, plain bool) string {
	var b strings.Builder
	for range 1 + r.IntN(4) {
		b.WriteString(atom(r, depth, plain))
		switch r.IntN(8) {
		case 0, 1:
			b.WriteString([]string{"*", "+", "?", "*?", "+?"}[r.IntN(map[bool]int{true: 3, false: 5}[plain])])
		case 2:
			low := r.IntN(1 << r.IntN(map[bool]int{true: 5, false: 11}[plain]))
			fmt.Fprintf(&b, []string{"{%d}", "{%d,}", "{%d,%d}"}[r.IntN(2)], low)
		}
	}
	return b.String()
}

func atom(r *rand.Rand, depth int, plain bool) string {
	usual := []string{"a", "cart", "0", "-", "_", "/", `\.`, "[a-z]", "[^/]", "[a-zA-Z0-9_-]", `\d`, `\w`, "."}
	odd := []string{`\pN`, `\p{Greek}`, `\P{Lu}`, `\S`, `\D`, `\W`, `[[:alnum:]]`, `[^\d]`, `\x{e9}`, "é", `\Q+\E`, `\b`, `(?i:k)`, `[\w.-]`, `[\x00-\x7f]`, "$", "^", `[é-ü]`, `\p{Letter}`}
	switch n := r.IntN(10); {
	case n < 2 && depth > 0:
		return "(" + []string{"", "?:"}[r.IntN(2)] + expression(r, depth-1, plain) + "|" + expression(r, depth-1, plain) + ")"
	case n < 4 && !plain:
		return odd[r.IntN(len(odd))]
	default:
		return usual[r.IntN(len(usual))]
	}
}
