package plan

import (
	"fmt"
	"io"
	"strings"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/mutator"
)

// Write prints the report for people to read.
func (r *Report) Write(w io.Writer, style terminal.Style) error {
	var b strings.Builder
	for i := range r.Gateways {
		if err := r.Gateways[i].write(&b, style); err != nil {
			return err
		}
	}
	n := r.Count()
	if r.HasChanges() {
		b.WriteString(style.Strong(fmt.Sprintf("Plan: %d to add, %d to change, %d to remove.", n.Add, n.Change, n.Remove)))
		fmt.Fprintf(&b, " Listeners that drain: %d. Clusters that warm: %d.\n", n.Drain, n.Warm)
	} else {
		b.WriteString(style.Strong("No changes.") + " Envoy's configuration does not change.\n")
	}
	for _, o := range r.Policies {
		b.WriteString(o.text(style))
	}
	for _, o := range r.NotSent {
		fmt.Fprintf(&b, "%s: %s: %s\n", terminal.Printable(o.Policy), style.Warn("not sent"), terminal.Printable(o.Message))
	}
	for _, text := range r.Failures {
		fmt.Fprintf(&b, "%s: %s\n", style.Bad("failed"), terminal.Printable(text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *Gateway) write(b *strings.Builder, style terminal.Style) error {
	if len(g.Resources) == 0 {
		return nil
	}
	fmt.Fprintf(b, "%s\n", style.Strong("Gateway "+terminal.Printable(g.Name)))
	for i := range g.Resources {
		r := &g.Resources[i]
		about := r.Message
		if len(r.Policies) > 0 {
			about = "for " + strings.Join(r.Policies, ", ") + "; " + about
		}
		fmt.Fprintf(b, "%s\n", style.Faint("  # "+terminal.Printable(about)))
		b.WriteString(style.Diff(fmt.Sprintf("  %s %s %s\n", r.Op, r.Kind, terminal.Printable(r.Name))))
		text, err := r.fields()
		if err != nil {
			return fmt.Errorf("print %s %s: %w", r.Kind, r.Name, err)
		}
		b.WriteString(style.Diff(terminal.PrintableLines(text)))
	}
	b.WriteByte('\n')
	return nil
}

// fields returns the changed fields of a resource, or the whole of an added one, without secrets.
func (r *Resource) fields() (string, error) {
	var b strings.Builder
	switch {
	case r.Diff != nil:
		if err := r.Diff.Write(&b, "      "); err != nil {
			return "", err
		}
	case r.Op == diff.Added:
		return diff.Block(r.Added, "      ")
	}
	return b.String(), nil
}

func (o *Outcome) text(style terminal.Style) string {
	reason := string(o.Reason)
	switch o.Reason {
	case "":
		return fmt.Sprintf("%s (%s): %s → no longer sent\n", terminal.Printable(o.Policy), terminal.Printable(o.Gateway), o.Before)
	case mutator.Programmed, mutator.Shadow:
		reason = style.Good(reason)
	default:
		reason = style.Warn(reason)
	}
	if o.Before != "" && o.Before != o.Reason {
		reason = string(o.Before) + " → " + reason
	}
	return fmt.Sprintf("%s (%s): %s: %s\n", terminal.Printable(o.Policy), terminal.Printable(o.Gateway), reason, terminal.Printable(o.Message))
}
