package explain

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/terminal"
)

// maxShown limits how many changed resources are printed if their changes are not.
const maxShown = 10

// Write prints the report for people.
func (r *Report) Write(w io.Writer, style terminal.Style) error {
	t := &text{style: style}
	for _, f := range r.Findings {
		t.finding("", f)
	}
	for _, w := range r.Calls.Warnings {
		t.line("%s %s", t.sign(Warning), terminal.Printable(w))
	}
	for _, p := range r.Policies {
		t.policy(p, len(r.Policies) == 1)
	}
	if r.Changes != nil && (len(r.Findings) == 0 || len(r.Changes.Resources) > 0) {
		t.changes("", r.Subject, r.Changes)
	}
	if len(r.Policies) == 0 && len(r.Findings) == 0 {
		t.line("no policies")
	}
	t.total(r)
	_, err := io.WriteString(w, t.String())
	return err
}

type text struct {
	strings.Builder
	style terminal.Style
}

// line prints a line. Its arguments must be egraft's own words or printable.
func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.Builder, format+"\n", args...) }

// sign returns the sign of a state.
func (t *text) sign(s State) string {
	switch s {
	case OK:
		return t.style.Good("✔")
	case Warning:
		return t.style.Warn("⚠")
	case Failed:
		return t.style.Bad("✘")
	}
	return t.style.Faint("·")
}

// state returns the state of a policy as a whole.
func (p *Policy) state() State {
	if p.StoppedAt > 0 {
		return Failed
	}
	for _, s := range p.Stages {
		if s.State == Warning {
			return Warning
		}
	}
	return OK
}

func (t *text) policy(p *Policy, alone bool) {
	state := p.state()
	what := "is in effect"
	if p.Shadow && p.StoppedAt == 0 {
		what = "has the effect Shadow and changes nothing"
	} else if p.StoppedAt > 0 {
		what = fmt.Sprintf("is not in effect: stopped at stage %d (%s)", p.StoppedAt, stageNames[p.StoppedAt-1])
	} else if state == Warning {
		what = "is in effect, with warnings"
	}
	t.line("%s %s %s", t.sign(state), t.style.Strong(terminal.Printable(p.String())), what)
	for _, s := range p.Stages {
		if alone || s.State != Unknown && (state != OK || s.Number == StageApplied) {
			t.stage(s)
		}
	}
	if p.Changes != nil {
		t.changes("    ", "", p.Changes)
	}
}

func (t *text) stage(s Stage) {
	head := fmt.Sprintf("  %s %d %-22s ", t.sign(s.State), s.Number, s.Name)
	findings := s.Findings
	if s.State == Failed && len(findings) > 0 {
		t.WriteString(head)
		t.finding("      ", findings[0])
		findings = findings[1:]
	} else {
		t.line("%s%s", head, terminal.Printable(s.Summary))
	}
	for _, f := range findings {
		t.WriteString("      ")
		t.finding("      ", f)
	}
	for _, d := range s.Details {
		t.line("      %s", terminal.Printable(d))
	}
}

func (t *text) finding(indent string, f Finding) {
	t.line("%s %s", t.style.Strong(f.Code+" "+f.Name+":"), terminal.Printable(f.Message))
	if f.Remedy != "" {
		t.line("%s  %s %s", indent, t.style.Faint("Remedy:"), terminal.Printable(f.Remedy))
	}
	t.line("%s  %s", indent, t.style.Faint(terminal.Printable(f.Link)))
}

// changes prints changed resources: only their names, or also their changes.
func (t *text) changes(indent, title string, c *Changes) {
	if len(c.Resources) == 0 {
		if title != "" {
			t.line("%s%s: egraft changes nothing", indent, terminal.Printable(title))
		}
		return
	}
	for _, s := range c.Summary {
		fields := ""
		if len(s.Fields) > 0 {
			fields = t.style.Faint(" (" + terminal.Printable(shortened(s.Fields)) + ")")
		}
		t.line("%s%s %s by %s%s", indent, verb(s.Result, s.Shadow), counted(s.Count, string(s.Kind)), by(s.Feature), fields)
	}
	shown := 0
	for i := range c.Resources {
		one := &c.Resources[i]
		if one.Diff == nil && shown == maxShown {
			t.line("%s  … and %d more; --diff shows the changed fields", indent, len(c.Resources)-shown+c.Omitted)
			return
		}
		t.change(indent+"  ", one)
		shown++
	}
	if c.Omitted > 0 {
		t.line("%s  … and %d more", indent, c.Omitted)
	}
}

// shownFields limits the fields named in a line.
const shownFields = 3

// shortened returns the last parts of the paths of fields.
func shortened(paths []string) string {
	var names []string
	for _, p := range paths {
		name := p[strings.LastIndexByte(p, '.')+1:]
		switch {
		case slices.Contains(names, name):
		case len(names) == shownFields:
			return strings.Join(names, ", ") + ", …"
		default:
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// verb returns the verb for a result.
func verb(result string, shadow bool) string {
	if shadow {
		return "would have " + verb(result, false)
	}
	if result == string(engine.Applied) {
		return "changed"
	}
	return result
}

// counted returns a number of resources. The plural of some kinds is the kind itself.
func counted(n int, kind string) string {
	if n == 1 || strings.HasSuffix(kind, "s") {
		return fmt.Sprintf("%d %s", n, kind)
	}
	return plural(n, kind)
}

func by(feature string) string {
	if feature == "" {
		return "egraft"
	}
	return terminal.Printable(feature)
}

func (t *text) change(indent string, c *Change) {
	name := terminal.Printable(c.Name)
	switch {
	case c.NewName != "":
		name += " -> " + terminal.Printable(c.NewName)
	case c.CopyOf != "":
		name += " (copy of " + terminal.Printable(c.CopyOf) + ")"
	}
	sign := string(c.Op)
	if sign == "" {
		sign = " "
	}
	t.WriteString(t.style.Diff(fmt.Sprintf("%s%s %s %s\n", indent, sign, c.Kind, name)))
	if c.Error != "" {
		code := c.Code
		if c.Cause != "" {
			code = c.Cause
		}
		t.line("%s    %s %s", indent, t.style.Bad(code+" "+c.Result+":"), terminal.Printable(c.Error))
	}
	if c.Diff != nil {
		t.WriteString(t.style.Diff(terminal.PrintableLines(diffText(c.Diff, indent+"    "))))
	}
}

// diffText prints a comparison, or the whole resource if it was added or removed.
func diffText(d *diff.Result, indent string) string {
	if len(d.Changes) == 1 && d.Changes[0].Path == "" {
		one := d.Changes[0]
		value := one.New
		if one.Op == diff.Removed {
			value = one.Old
		}
		text, err := diff.Block(value, indent+string(one.Op)+" ")
		if err != nil {
			return indent + err.Error() + "\n"
		}
		return text
	}
	var b strings.Builder
	if err := d.Write(&b, indent); err != nil {
		return indent + err.Error() + "\n"
	}
	return b.String()
}

// total prints the counts, if there is anything to count.
func (t *text) total(r *Report) {
	good := 0
	for _, p := range r.Policies {
		if p.InEffect {
			good++
		}
	}
	if len(r.Policies) > 1 {
		t.line("%d of %d are in effect", good, len(r.Policies))
	}
}

// InEffect reports whether every policy in the report is as it should be. A Shadow that changes nothing is.
func (r *Report) InEffect() bool {
	for _, p := range r.Policies {
		if !p.InEffect && (!p.Shadow || p.StoppedAt > 0) {
			return false
		}
	}
	return len(r.Findings) == 0
}
