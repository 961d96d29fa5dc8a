// Package terminal prints for people: colours where the output is a terminal that has them, and
// texts of others without what a terminal would obey.
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

// Style colours texts, or leaves them as they are. The zero value is plain.
type Style struct{ colored bool }

// New returns the style of an output. There are colours on a terminal, unless the environment has
// NO_COLOR (https://no-color.org) or TERM=dumb.
func New(out io.Writer, environ []string) Style {
	f, ok := out.(*os.File)
	return Style{ok && isatty.IsTerminal(f.Fd()) && wanted(environ)}
}

// Colored returns the style with colours, whatever the output is.
func Colored() Style { return Style{true} }

func wanted(environ []string) bool {
	return !slices.ContainsFunc(environ, func(v string) bool {
		name, value, _ := strings.Cut(v, "=")
		return name == "NO_COLOR" && value != "" || name == "TERM" && value == "dumb"
	})
}

// IsColored reports whether the style has colours.
func (s Style) IsColored() bool { return s.colored }

// Good is green, Bad red, Warn yellow, Strong bold, Faint dim.
func (s Style) Good(text string) string { return s.paint(text, color.FgGreen) }

// Bad is red.
func (s Style) Bad(text string) string { return s.paint(text, color.FgRed) }

// Warn is yellow.
func (s Style) Warn(text string) string { return s.paint(text, color.FgYellow) }

// Strong is bold.
func (s Style) Strong(text string) string { return s.paint(text, color.Bold) }

// Faint is dim.
func (s Style) Faint(text string) string { return s.paint(text, color.Faint) }

func (s Style) paint(text string, a color.Attribute) string {
	if !s.colored || text == "" {
		return text
	}
	c := color.New(a)
	c.EnableColor()
	return c.Sprint(text)
}

// Diff colours the lines of a comparison by their signs: what is behind an indent.
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
