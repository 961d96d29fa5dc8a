//go:build e2e

package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
)

// values are values for a field: known ones, and an endless supply of random ones.
type values struct {
	known  []any
	random func(*rand.Rand) any
}

// hostile are fragments with a meaning in some format between a policy and Envoy.
var hostile = []string{
	"\x00", "\x01", "\t", "\n", "\r\n", "\x1b", "\x7f", " ", "\u0085", "\u00a0", "\u00ad", "é", "ß", "K", "ſ", "日本", "\u200b", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe", "😀",
	"%", "%%", "%00", "%2F", "%DYNAMIC_METADATA(a:b)%", "%REQ(x)%", "%ENVIRONMENT(PATH)%", "\\", "\\0", `\x00`, "\"", "'", "`", "$", "${HOME}", "$(id)", "{{", "}}", "<", ">", "|", "~", "^",
	"*", "?", "#", "@", "&", ";", ",", "=", "!", "(", ")", "[", "]", "{", "}", "+", ":", "::", ":0", "/", "//", "/.", "/..", "/./", "..", ".", "-", "--", "_", "0", "a", "A", "xn--a", "spiffe://",
	strings.Repeat("a", 63), strings.Repeat("a", 64), strings.Repeat("b", 107), strings.Repeat("c", 255), strings.Repeat("d", 1024), strings.Repeat("e", 2048), strings.Repeat("/f", 500), strings.Repeat("g.", 100) + "g",
}

// texts returns valid texts and mutations of them.
func texts(seeds ...string) values {
	out := values{}
	for _, s := range seeds {
		out.known = append(out.known, s)
	}
	for i, h := range hostile {
		s := seeds[i%len(seeds)]
		out.known = append(out.known, s+h, []string{s[:len(s)/2] + h + s[len(s)/2:], h + s, h}[i%3])
	}
	out.random = func(r *rand.Rand) any {
		s := seeds[r.IntN(len(seeds))]
		for range 1 + r.IntN(4) {
			s = mutated(r, s)
		}
		return s
	}
	return out
}

// mutated returns a text with one change.
func mutated(r *rand.Rand, s string) string {
	at := r.IntN(len(s) + 1)
	end := at + r.IntN(len(s)-at+1)
	switch r.IntN(8) {
	case 0:
		return s[:at] + hostile[r.IntN(len(hostile))] + s[at:]
	case 1:
		return s[:at] + string(rune(0x20+r.IntN(0x5f))) + s[at:]
	case 2:
		return s[:at] + string(rune(r.IntN(0x2000))) + s[at:]
	case 3:
		return s[:end] + s[at:] // repeats a part
	case 4:
		return s[:at] + s[end:]
	case 5:
		return s[:at] + strings.Repeat(s[at:end], 1+r.IntN(40)) + s[end:]
	case 6:
		return s[:at] + word(r) + s[at:]
	default:
		return s[:at] + word(r) + s[end:]
	}
}

// word is a harmless text, so that not all values are rejected.
func word(r *rand.Rand) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789ABCXYZ-_./"
	usual := 26 + 10
	if r.IntN(3) == 0 {
		usual = len(letters)
	}
	out := make([]byte, 1+r.IntN(20))
	for i := range out {
		out[i] = letters[r.IntN(usual)]
	}
	return string(out)
}

// oneOf returns a few fixed values.
func oneOf(all ...any) values {
	return values{known: all, random: func(r *rand.Rand) any { return all[r.IntN(len(all))] }}
}

// integers returns values around limits, and some in other JSON notations.
func integers(limits ...int64) values {
	out := oneOf(raw("1e3"), raw("1.0"), raw("1e0"), raw("-0"), raw(`"7"`), raw("1e40"), raw("0.5"), raw("9007199254740993"), nil)
	for _, l := range append(limits, 0, 1, 1<<31-1, 1<<32-1) {
		out.known = append(out.known, l-1, l, l+1, -l)
	}
	top := limits[len(limits)-1]
	out.random = func(r *rand.Rand) any {
		if r.IntN(4) == 0 {
			return int64(r.Uint64())
		}
		return r.Int64N(top) >> r.IntN(32)
	}
	return out
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func asList(v values, most int) values {
	out := values{random: func(r *rand.Rand) any {
		var list []any
		for range r.IntN(most + 1) {
			list = append(list, v.any(r))
		}
		return list
	}}
	for _, k := range v.known {
		out.known = append(out.known, []any{k})
	}
	return out
}

// any returns a known value or a random one.
func (v values) any(r *rand.Rand) any {
	if r.IntN(3) == 0 {
		return v.known[r.IntN(len(v.known))]
	}
	return v.random(r)
}

// after adds a prefix to each value.
func (v values) after(front string) values {
	out := values{random: func(r *rand.Rand) any { return front + v.random(r).(string) }}
	for _, k := range v.known {
		out.known = append(out.known, front+k.(string))
	}
	return out
}
