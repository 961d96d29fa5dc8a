package doctor

import (
	"fmt"
	"io"
	"strings"

	"github.com/egraft/egraft/internal/terminal"
)

// Report is the document with all results.
type Report struct {
	// Version is the version of the document's format.
	Version int `json:"version"`
	// Failed, Warnings, OK and Skipped count checks.
	Failed   int      `json:"failed"`
	Warnings int      `json:"warnings"`
	OK       int      `json:"ok"`
	Skipped  int      `json:"skipped"`
	Checks   []Result `json:"checks"`
}

// NewReport counts results.
func NewReport(results []Result) *Report {
	return &Report{
		Version: 1, Failed: Count(results, Failed), Warnings: Count(results, Warning), OK: Count(results, OK),
		Skipped: Count(results, Skipped), Checks: results,
	}
}

// printer writes a report, and keeps the first error.
type printer struct {
	out   io.Writer
	style terminal.Style
	short bool
	err   error
}

// WriteText prints the report for people. With short, ok and skipped checks are omitted.
func (r *Report) WriteText(out io.Writer, style terminal.Style, short bool) error {
	p := &printer{out: out, style: style, short: short}
	var group Group
	for i := range r.Checks {
		c := &r.Checks[i]
		if short && (c.Status == OK || c.Status == Skipped) {
			continue
		}
		if c.Group != group {
			if group != "" {
				p.print("")
			}
			group = c.Group
			p.print(style.Strong(string(group)))
			p.print(strings.Repeat("-", len(group)))
		}
		p.result(c)
	}
	if group != "" {
		p.print("")
	}
	p.print(r.summary())
	return p.err
}

func (p *printer) print(line string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, line)
	}
}

func (p *printer) result(c *Result) {
	line := p.mark(c.Status) + " " + c.Title
	switch {
	case c.Status == Skipped:
		line += p.style.Faint(" (skipped: " + c.Note + ")")
	case c.Note != "":
		line += p.style.Faint(" (" + c.Note + ")")
	}
	p.print(line)
	for _, problem := range c.Problems {
		p.print("    " + problem.Message)
	}
	p.remedies(c)
	for _, l := range c.Lines {
		p.print("    " + l)
	}
}

// remedies prints each remedy once, even if several problems have it, followed by the meaning of the code.
func (p *printer) remedies(c *Result) {
	seen := map[string]bool{}
	for _, problem := range c.Problems {
		if problem.Remedy == "" || seen[problem.Remedy] {
			continue
		}
		seen[problem.Remedy] = true
		for i, l := range strings.Split(problem.Remedy, "\n") {
			l = strings.TrimPrefix(l, "$ ")
			if i == 0 {
				l = "→ " + l
			}
			p.print(strings.Repeat(" ", 4+2*min(i, 1)) + l)
		}
	}
	if len(c.Problems) > 0 {
		p.print("    " + c.Means)
		p.print("    " + p.style.Faint(c.Code+": "+c.Link))
	}
}

// mark returns a symbol for a terminal, and a word for other outputs.
func (p *printer) mark(s Status) string {
	marks := map[Status]string{OK: "✔", Skipped: "-", Warning: "⚠", Failed: "✘"}
	if !p.style.IsColored() {
		return fmt.Sprintf("%-9s", "["+string(s)+"]")
	}
	switch s {
	case OK:
		return p.style.Good(marks[s])
	case Failed:
		return p.style.Bad(marks[s])
	case Warning:
		return p.style.Warn(marks[s])
	default:
		return p.style.Faint(marks[s])
	}
}

func (r *Report) summary() string {
	return fmt.Sprintf("%d failed, %d %s, %d ok, %d skipped", r.Failed, r.Warnings, plural(r.Warnings, "warning"), r.OK, r.Skipped)
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
