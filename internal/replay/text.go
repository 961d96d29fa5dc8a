package replay

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/terminal"
)

// Limits of the text form; JSON has everything.
const (
	maxRequests  = 50
	maxResources = 20
	maxChanges   = 20
)

// WriteText prints a report for people to read.
func (r *Report) WriteText(w io.Writer, style terminal.Style) error {
	t := &textWriter{style: style}
	t.line("%s", style.Strong(fmt.Sprintf("%d %s: %d identical, %d different, %d not deterministic",
		r.Requests, requests(r.Requests), r.Identical, len(r.Different), len(r.NotDeterministic))))
	t.requests("different", r.Different)
	t.requests("not deterministic", r.NotDeterministic)
	t.requests("without a counterpart", r.Unmatched)
	if len(r.Slowest) > 0 {
		t.line("\nslowest (before, after):")
	}
	for _, q := range r.Slowest {
		t.line("  %s: %s, %s", q.title(), round(q.Before), round(q.After))
	}
	_, err := io.WriteString(w, t.String())
	if err == nil {
		err = t.err
	}
	return err
}

func requests(n int) string {
	if n == 1 {
		return "request"
	}
	return "requests"
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// Passed reports whether all responses were identical and deterministic.
func (r *Report) Passed() bool { return r.Identical == r.Requests && len(r.NotDeterministic) == 0 }

// title returns a call as one line.
func (q *Request) title() string {
	out := string(q.Hook)
	for _, part := range []string{q.Gateway, q.Resource} {
		if part != "" {
			out += " " + part
		}
	}
	if q.ID != "" {
		out += " (call " + q.ID + ")"
	}
	if q.Side != "" {
		out += ", " + q.Side
	}
	return terminal.Printable(out)
}

type textWriter struct {
	strings.Builder
	style terminal.Style
	err   error // the first error
}

func (t *textWriter) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *textWriter) requests(title string, list []Request) {
	if len(list) == 0 {
		return
	}
	t.line("\n%s:", title)
	for i := range list[:min(len(list), maxRequests)] {
		t.request(&list[i])
	}
	t.more("  ", len(list)-maxRequests, "calls")
}

func (t *textWriter) more(indent string, n int, what string) {
	if n > 0 {
		t.line("%sand %d more %s", indent, n, what)
	}
}

func (t *textWriter) request(q *Request) {
	t.line("  %s", q.title())
	if q.BeforeError != q.AfterError {
		t.line("    before: %s", result(q.BeforeError))
		t.line("    after: %s", result(q.AfterError))
	}
	for i := range q.Resources[:min(len(q.Resources), maxResources)] {
		t.resource(&q.Resources[i])
	}
	t.more("    ", len(q.Resources)-maxResources, "resources")
}

func result(failure string) string {
	if failure == "" {
		return "ok"
	}
	return terminal.Printable(failure)
}

func (t *textWriter) resource(r *Resource) {
	head := string(r.Op) + " " + terminal.Printable(strings.TrimSpace(string(r.Kind)+" "+r.Name))
	if r.Note != "" {
		head += " (" + r.Note + ")"
	}
	var fields strings.Builder
	err := (&diff.Result{Changes: r.Changes[:min(len(r.Changes), maxChanges)]}).Write(&fields, "        ")
	if t.err == nil {
		t.err = err
	}
	t.line("%s", t.style.Diff("    "+head))
	t.WriteString(t.style.Diff(terminal.PrintableLines(fields.String())))
	t.more("        ", len(r.Changes)-maxChanges, "fields")
}
