package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// Write prints a comparison for people to read, each line after the indent.
func (r *Result) Write(w io.Writer, indent string) error {
	var out strings.Builder
	for _, c := range r.Changes {
		text, err := c.text()
		if err != nil {
			return fmt.Errorf("print %s: %w", c.Path, err)
		}
		for line := range strings.Lines(text) {
			out.WriteString(indent + line)
		}
	}
	switch {
	case r.Unchanged == 1:
		out.WriteString(indent + "(1 unchanged field hidden)\n")
	case r.Unchanged > 0:
		fmt.Fprintf(&out, "%s(%d unchanged fields hidden)\n", indent, r.Unchanged)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (c *Change) text() (string, error) {
	head := string(c.Op) + " " + c.Path
	if c.Note != "" {
		head += " (" + c.Note + ")"
	}
	switch {
	case c.Op == Changed && isScalar(c.Old) && isScalar(c.New):
		return fmt.Sprintf("%s: %s -> %s\n", head, c.Old, c.New), nil
	case c.Op == Changed:
		before, err := Block(c.Old, "    - ")
		if err != nil {
			return "", err
		}
		after, err := Block(c.New, "    + ")
		return head + ":\n" + before + after, err
	}
	value := c.New
	if c.Op == Removed {
		value = c.Old
	}
	if isScalar(value) {
		return fmt.Sprintf("%s: %s\n", head, value), nil
	}
	block, err := Block(value, "    ")
	return head + ":\n" + block, err
}

// isScalar reports whether a value fits on the line of its path.
func isScalar(value json.RawMessage) bool {
	return len(value) == 2 || !bytes.HasPrefix(value, []byte("{")) && !bytes.HasPrefix(value, []byte("["))
}

// Block returns a value as YAML, each line after the indent.
func Block(value json.RawMessage, indent string) (string, error) {
	text, err := yaml.JSONToYAML(value)
	if err != nil {
		return "", err
	}
	return indent + strings.ReplaceAll(strings.TrimSuffix(string(text), "\n"), "\n", "\n"+indent) + "\n", nil
}
