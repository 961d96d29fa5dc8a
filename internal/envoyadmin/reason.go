package envoyadmin

import (
	"strings"

	"github.com/egraft/egraft/internal/terminal"
)

// maxReason limits Envoy's reason in bytes.
const maxReason = 400

// reason returns why Envoy rejected an update, without content that may be secret: after a failed
// validation, Envoy appends the whole resource.
func reason(details string) string {
	details, _, _ = strings.Cut(details, "\n")
	if strings.Contains(details, "validation failed (") {
		before, _, found := strings.Cut(details, "): ")
		if details = before; found {
			details += ")"
		}
	}
	for _, secret := range []string{"inline_", "-----BEGIN"} {
		details, _, _ = strings.Cut(details, secret)
	}
	if len(details) > maxReason {
		details = details[:maxReason] + "…"
	}
	return terminal.Printable(strings.TrimSpace(details))
}
