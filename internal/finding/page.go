package finding

import (
	"fmt"
	"io"
	"strings"
)

// anchor returns the anchor of the code's heading on the page.
func (c Code) anchor() string { return strings.ToLower(c.ID) }

const pageIntro = `# Outcome reasons and codes

Every outcome, check and error of egraft has a stable code. Commands print the code with a link to this page. The first digit is the area:

| codes | about |
|---|---|
| EGR1 | whether Envoy Gateway knows the policy |
| EGR2 | whether Envoy Gateway sends it to egraft |
| EGR3 | whether egraft applies it |
| EGR4 | whether the result is active in Envoy |
| EGR5 | settings of Envoy Gateway and egraft |
| EGR6 | Kubernetes |
| EGR7 | other configuration that conflicts with egraft's |
| EGR8 | input of commands |
`

// WritePage writes docs/outcomes.md.
func WritePage(w io.Writer) error {
	var b strings.Builder
	b.WriteString(pageIntro)
	for _, c := range All() {
		fmt.Fprintf(&b, "\n## %s\n**%s.** %s\n", c.ID, c.Name, c.Means)
		for _, line := range []struct{ name, text string }{{"Cause", c.Cause}, {"See", c.See}, {"Remedy", c.Remedy}} {
			if line.text != "" {
				fmt.Fprintf(&b, "\n- **%s:** %s\n", line.name, line.text)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
