package bundle

import "regexp"

// secrets are forms in which logs can have secrets: what is in parentheses stays.
var secrets = []*regexp.Regexp{
	// Keys in PEM, also in a JSON string, where lines are ended by \n.
	regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*`),
	// Data sources of Envoy, in text and in JSON, quoted once more in a log of JSON.
	regexp.MustCompile(`(?i)(inline_?(?:string|bytes)\\*"?\s*:\s*\\*")(?:[^"\\]|\\[^"])*`),
	// Credentials of HTTP, and of URLs.
	regexp.MustCompile(`(?i)((?:bearer|basic)\s+)[A-Za-z0-9+/=_.~-]{8,}`),
	regexp.MustCompile(`(://[^/\s:@"]*:)[^/\s@"]+@`),
	// Tokens in JSON's form (JWT).
	regexp.MustCompile(`()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`),
	// Fields that are named like a secret.
	regexp.MustCompile(`(?i)((?:password|passwd|secret_?key|private_?key|client_?secret|api_?key|token)\\*"?\s*[:=]\s*\\*"?)[^\s",{}\[\]\\]+`),
}

// Clean removes what looks like a secret from a log. Neither egraft nor Envoy Gateway logs secrets at
// their default levels; this is for the others.
func Clean(text []byte) []byte {
	for _, s := range secrets {
		text = s.ReplaceAll(text, []byte("${1}[redacted]"))
	}
	return text
}
