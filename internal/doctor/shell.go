package doctor

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shell quotes a word for a shell unless it has only letters, digits and the characters of paths
// and SPIFFE IDs.
func shell(word string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("-_./:@%+,=", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
