// Package printer prints the steps of the demo and what they show, in colour on a terminal. It must
// not depend on their content.
package printer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// ANSI sequences, used on a terminal only.
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	green = "\x1b[32m"
	reset = "\x1b[0m"
)

// Printer prints the story. Create one with [New].
type Printer struct {
	out     io.Writer
	colour  bool
	started time.Time // of the step
}

// New returns a printer for out, which may be a terminal.
func New(out io.Writer, terminal bool) *Printer {
	return &Printer{out: out, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// IsTerminal reports whether out is a terminal.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}

func (p *Printer) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return colour + text + reset
}

// Title writes a headline.
func (p *Printer) Title(text string) { fmt.Fprintln(p.out, p.paint(bold, text)) }

// Step begins a step and prints its title and purpose.
func (p *Printer) Step(number int, what, why string) {
	p.started = time.Now()
	fmt.Fprintf(p.out, "\n%s\n   %s\n", p.paint(bold, fmt.Sprintf("%d. %s", number, what)), p.paint(dim, why))
}

// Done ends a successful step.
func (p *Printer) Done() {
	fmt.Fprintf(p.out, "   %s %s\n", p.paint(green, "ok"), p.paint(dim, fmt.Sprintf("(%.1f s)", time.Since(p.started).Seconds())))
}

// Say writes a sentence.
func (p *Printer) Say(format string, arguments ...any) {
	fmt.Fprintf(p.out, "   "+format+"\n", arguments...)
}

// Block writes a file, a response or the like.
func (p *Printer) Block(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintf(p.out, "   %s %s\n", p.paint(dim, "|"), strings.TrimRight(line, "\n"))
	}
}
