package main

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

// printer writes the story. As an io.Writer it takes lines of progress.
type printer struct {
	out     io.Writer
	colour  bool
	started time.Time // of the step
}

func newPrinter(out io.Writer) *printer {
	file, ok := out.(*os.File)
	terminal := ok && isatty.IsTerminal(file.Fd())
	return &printer{out: out, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

func (p *printer) paint(colour, text string) string {
	if !p.colour {
		return text
	}
	return colour + text + reset
}

func (p *printer) title(text string) { fmt.Fprintln(p.out, p.paint(bold, text)) }

// step begins a step and says what it shows.
func (p *printer) step(number int, what, why string) {
	p.started = time.Now()
	fmt.Fprintf(p.out, "\n%s\n   %s\n", p.paint(bold, fmt.Sprintf("%d. %s", number, what)), p.paint(dim, why))
}

// done ends a step that was as it should be.
func (p *printer) done() {
	fmt.Fprintf(p.out, "   %s %s\n", p.paint(green, "ok"), p.paint(dim, fmt.Sprintf("(%.1f s)", time.Since(p.started).Seconds())))
}

// say writes a sentence.
func (p *printer) say(format string, arguments ...any) {
	fmt.Fprintf(p.out, "   "+format+"\n", arguments...)
}

// block writes a file, an answer or the like.
func (p *printer) block(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		fmt.Fprintf(p.out, "   %s %s\n", p.paint(dim, "|"), strings.TrimRight(line, "\n"))
	}
}

func (p *printer) Write(progress []byte) (int, error) {
	p.say("%s", strings.TrimSpace(string(progress)))
	return len(progress), nil
}
