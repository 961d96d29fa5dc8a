package convert

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/terminal"
)

// Write returns the objects as YAML. A comment above each names its origin and has the remarks about it.
func (r *Result) Write() ([]byte, error) {
	var out bytes.Buffer
	told := map[string]bool{}
	for i, o := range r.Objects {
		if i > 0 {
			out.WriteString("---\n")
		}
		comment(&out, "From EnvoyPatchPolicy "+o.From)
		if o.NeedsGrant {
			comment(&out, "It needs a grant in --namespace-rules, see docs/convert.md")
		}
		if !told[o.From] {
			r.comments(&out, o.From)
		}
		told[o.From] = true
		text, err := o.YAML()
		if err != nil {
			return nil, fmt.Errorf("write %s %s/%s: %w", o.Kind, o.Namespace, o.Name, err)
		}
		out.Write(text)
	}
	for _, t := range r.Told {
		if !told[t.Policy] {
			told[t.Policy] = true
			r.comments(&out, t.Policy)
		}
	}
	return out.Bytes(), nil
}

func (r *Result) comments(out *bytes.Buffer, policy string) {
	for _, t := range r.Told {
		if t.Policy == policy {
			comment(out, t.String())
		}
	}
}

// comment writes a comment line; quoted user input cannot end the comment.
func comment(out *bytes.Buffer, text string) {
	out.WriteString("# " + terminal.PrintableLines(strings.Join(strings.Fields(text), " ")) + "\n")
}
