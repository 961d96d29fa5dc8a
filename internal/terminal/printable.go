package terminal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLength is the longest text of others in bytes. Messages of egraft are much shorter.
const maxLength = 4096

// Printable is a text of others on one line: what a terminal would obey, what changes the direction
// of writing and what cannot be seen is escaped as in Go, and what is too long is cut.
func Printable(text string) string { return printable(text, false) }

// PrintableLines is [Printable] for texts of several lines, whose lines stay, without a limit.
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

// isPrintable reports whether a text can stay as it is.
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
