package cli

import (
	"embed"
	"fmt"
	"strings"
)

// The formats. Their last line is a placeholder for the extension manager.
//
//go:embed templates/*.yaml
var templates embed.FS

// manager is the placeholder for the extension manager in a format, after its indentation.
const manager = "EXTENSION_MANAGER\n"

func isFormat(name string) bool {
	return name == "standalone" || name == "helm" || name == "configmap"
}

// stanzaIn prints a stanza in a format.
func stanzaIn(s *stanza, format string) (string, error) {
	text, err := templates.ReadFile("templates/" + format + ".yaml")
	if err != nil {
		return "", fmt.Errorf("read templates: %w", err)
	}
	before, found := strings.CutSuffix(string(text), manager)
	if !found {
		return "", fmt.Errorf("template %s does not end with %q", format, manager)
	}
	indent := before[strings.LastIndexByte(before, '\n')+1:]
	return before + strings.ReplaceAll(strings.Join(s.lines(), "\n"), "\n", "\n"+indent) + "\n", nil
}
