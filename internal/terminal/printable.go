package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLength is the maximum length of others' text in bytes. Messages of egraft are much shorter.
const maxLength = 4096

// Printable returns others' text on one line: terminal escapes, characters that change the text
// direction, and invisible characters are escaped as in Go, and long text is truncated.
func Printable(text string) string { return printable(text, false) }

// PrintableLines is [Printable] for text of several lines. It keeps line breaks and has no length limit.
func PrintableLines(text string) string { return printable(text, true) }

func printable(text string, lines bool) string {
	if isPrintable(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case !lines && b.Len() > maxLength:
			b.WriteString("… (" + strconv.Itoa(len(text)-i) + " more bytes)")
			return b.String()
		case lines && r == '\n', unicode.IsPrint(r) && !(r == utf8.RuneError && isInvalid(text[i:])):
			b.WriteRune(r)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// isPrintable reports whether a text can be printed unmodified.
func isPrintable(text string) bool {
	if len(text) > maxLength {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func isInvalid(text string) bool {
	_, size := utf8.DecodeRuneInString(text)
	return size == 1
}
