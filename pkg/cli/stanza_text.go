package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/wiring"
)

// lines returns the extension manager in YAML. It is not marshalled, because it has comments, and
// because Envoy Gateway's own types drop `failOpen: false`, which must be visible. It does not use
// text/template, which would add a sixth to the size of the program: see
// hack/architecture/linked_test.go.
func (s *stanza) lines() []string {
	return slices.Concat(
		[]string{"extensionManager:"},
		kinds("policyResources", s.Policies), kinds("resources", s.Filters), kinds("backendResources", s.Backends),
		[]string{"  hooks:", "    xdsTranslator:"},
		hooks(&s.Needs),
		[]string{"  service:"},
		s.service(), s.tls(),
		[]string{
			"  # Must match --max-message-size of egraft.",
			"  maxMessageSize: " + s.MaxMessageSize,
			"  # Keep this false. With true, if egraft responds with an error, Envoy Gateway publishes the",
			"  # configuration without egraft's changes: cleartext reaches backends that a policy protects.",
			"  # With false, Envoy keeps the last valid configuration.",
			"  failOpen: false",
		},
	)
}

// kinds lists kinds of custom resources in a field, which is omitted if there are none.
func kinds(field string, list []wiring.Kind) (lines []string) {
	if len(list) > 0 {
		lines = []string{"  " + field + ":"}
	}
	for _, k := range list {
		lines = append(lines, "  - group: "+k.Group, "    version: "+k.Version, "    kind: "+k.Kind)
	}
	return lines
}

// hooks lists the hooks, and what Envoy Gateway includes in the Translation hook.
func hooks(n *wiring.Needs) []string {
	lines := []string{
		"      # Only what the enabled features need, which are named after each line: every hook",
		"      # costs time in each translation.",
		"      post:",
	}
	for _, h := range n.Hooks {
		lines = append(lines, "      - "+string(h)+needed(n.For[h]))
	}
	if len(n.Includes) > 0 {
		lines = append(
			lines,
			"      # Secrets contain the private keys of listeners, so they are only included if a",
			"      # feature needs them.",
			"      translation:",
		)
	}
	for _, i := range n.Includes {
		lines = append(lines, "        "+i.Kind+":", fmt.Sprintf("          includeAll: %t", i.All)+needed(i.For))
	}
	return lines
}

// needed returns a comment that names the features that need something.
func needed(by []string) string {
	if len(by) == 0 {
		return ""
	}
	return " # " + strings.Join(by, ", ")
}

// service returns the address on which egraft serves.
func (s *stanza) service() []string {
	switch {
	case s.Socket != "":
		return []string{"    unix:", "      path: " + quote(s.Socket)}
	case s.Address.IsIP:
		return []string{"    ip:", "      address: " + quote(s.Address.Host), fmt.Sprintf("      port: %d", s.Address.Port)}
	default:
		return []string{"    fqdn:", "      hostname: " + quote(s.Address.Host), fmt.Sprintf("      port: %d", s.Address.Port)}
	}
}

// tls names the Secrets of a service over TCP.
func (s *stanza) tls() []string {
	if s.CA == nil {
		return nil
	}
	lines := append([]string{"    tls:", "      certificateRef:"}, s.CA.lines()...)
	if s.Client != nil {
		lines = append(append(lines, "      clientCertificateRef:"), s.Client.lines()...)
	}
	return lines
}

// lines returns the fields of a reference.
func (s *secret) lines() []string {
	lines := []string{"        kind: Secret", `        group: ""`, "        name: " + quote(s.Name)}
	if s.Namespace != "" {
		lines = append(lines, "        namespace: "+quote(s.Namespace))
	}
	return lines
}

// quote writes a YAML string. JSON strings are YAML, and Go's are the same except for characters
// that no path has.
func quote(s string) string { return fmt.Sprintf("%q", s) }
