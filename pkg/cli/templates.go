package cli

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

// The configuration is a template and not a marshalled type: it has comments, and Envoy
// Gateway's own types drop `failOpen: false`, which has to be seen.
//
//go:embed templates/*.yaml
var templates embed.FS

func isFormat(name string) bool {
	return name == "standalone" || name == "helm" || name == "configmap"
}

// stanzaIn prints a stanza in a format.
func stanzaIn(s *stanza, format string) (string, error) {
	t, err := template.New(format+".yaml").Funcs(template.FuncMap{"quote": quote, "stanza": (func(int) string)(nil)}).ParseFS(templates, "templates/*.yaml")
	if err != nil {
		return "", fmt.Errorf("read templates: %w", err)
	}
	t.Funcs(template.FuncMap{"stanza": func(indent int) (string, error) { return stanzaText(t, s, indent) }})
	var out strings.Builder
	if err := t.Execute(&out, s); err != nil {
		return "", fmt.Errorf("print configuration: %w", err)
	}
	return out.String(), nil
}

// stanzaText prints the extension manager itself.
func stanzaText(t *template.Template, s *stanza, indent int) (string, error) {
	var out strings.Builder
	if err := t.ExecuteTemplate(&out, "extensionmanager.yaml", s); err != nil {
		return "", err
	}
	pad := strings.Repeat(" ", indent)
	return pad + strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "\n"+pad), nil
}

// quote writes a YAML string; JSON's are, and Go's are but for what no path has.
func quote(s string) string { return fmt.Sprintf("%q", s) }
