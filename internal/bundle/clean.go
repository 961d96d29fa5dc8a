package bundle

import "regexp"

// secrets matches the forms of secrets in logs: the group in parentheses is kept.
var secrets = []*regexp.Regexp{
	// Keys in PEM, also in a JSON string, where lines end with \n.
	regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*`),
	// Envoy's data sources, as text and as JSON, which may be escaped again in a JSON log.
	regexp.MustCompile(`(?i)(inline_?(?:string|bytes)\\*"?\s*:\s*\\*")(?:[^"\\]|\\[^"])*`),
	// Credentials in HTTP headers and URLs.
	regexp.MustCompile(`(?i)((?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}`),
	regexp.MustCompile(`(://[^/\s:@"]*:)[^/\s@"]+@`),
	// JSON Web Tokens (JWT).
	regexp.MustCompile(`()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),
	// Fields whose names suggest a secret.
	regexp.MustCompile(`(?i)((?:password|passwd|secret_?key|private_?key|client_?secret|api_?key|token)\\*"?\s*[:=]\s*\\*"?)[^\s",{}\[\]\\]+`),
}

// Clean removes text that looks like a secret from a log. Neither egraft nor Envoy Gateway logs
// secrets at the default log level; Clean covers the other levels.
func Clean(text []byte) []byte {
	for _, s := range secrets {
		text = s.ReplaceAll(text, []byte("${1}[redacted]"))
	}
	return text
}
