// Package terminal prints text for people: with colours if the output is a terminal that supports
// them, and without the terminal escapes in others' text.
//
// It must not know what is printed.
package terminal

import (
	"io"
	"os"
	"slices"
	"strings"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
)

// Style colours text, or leaves it unmodified. The zero value is plain.
type Style struct{ colored bool }

// New returns the style of an output. It has colours on a terminal, unless the environment has
// NO_COLOR (https://no-color.org) or TERM=dumb.
func New(out io.Writer, environ []string) Style {
	f, ok := out.(*os.File)
	return Style{ok && isatty.IsTerminal(f.Fd()) && wanted(environ)}
}

// Colored returns the style with colours for any output.
func Colored() Style { return Style{true} }

func wanted(environ []string) bool {
	return !slices.ContainsFunc(environ, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return name == "NO_COLOR" && value != "" || name == "TERM" && value == "dumb"
	})
}

// IsColored reports whether the style has colours.
func (s Style) IsColored() bool { return s.colored }

// Good returns the text in green.
func (s Style) Good(text string) string { return s.paint(text, color.FgGreen) }

// Bad returns the text in red.
func (s Style) Bad(text string) string { return s.paint(text, color.FgRed) }

// Warn returns the text in yellow.
func (s Style) Warn(text string) string { return s.paint(text, color.FgYellow) }

// Strong returns the text in bold.
func (s Style) Strong(text string) string { return s.paint(text, color.Bold) }

// Faint returns the text dimmed.
func (s Style) Faint(text string) string { return s.paint(text, color.Faint) }

func (s Style) paint(text string, a color.Attribute) string {
	if !s.colored || text == "" {
		return text
	}
	c := color.New(a)
	c.EnableColor()
	return c.Sprint(text)
}

// Diff colours the lines of a comparison by the sign after the indent.
func (s Style) Diff(text string) string {
	if !s.colored {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		body, end := strings.CutSuffix(line, "\n")
		switch trimmed := strings.TrimLeft(body, " "); {
		case strings.HasPrefix(trimmed, "+ "):
			body = s.Good(body)
		case strings.HasPrefix(trimmed, "- "):
			body = s.Bad(body)
		case strings.HasPrefix(trimmed, "~ "):
			body = s.Warn(body)
		case strings.HasPrefix(trimmed, "("):
			body = s.Faint(body)
		}
		b.WriteString(body)
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
}
