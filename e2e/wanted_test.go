//go:build e2e

package e2e

import (
	"strings"

	"github.com/egraft/egraft/e2e/standalone"
)

// Routes and answers that most scenarios use.
var (
	echoRoute = standalone.Route{Name: "echo", Port: 3443}
	seesEnvoy = standalone.Peer(standalone.ID(standalone.EnvoyIdentity))
)

// tlsRoute is a route whose backend is declared to speak TLS.
func (f *fixture) tlsRoute() standalone.Route {
	return standalone.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org", CA: f.SPIFFE.Bundle()}
}

// wrongPeer is a policy that no backend satisfies.
func (f *fixture) wrongPeer() standalone.Policy {
	p := f.Policy()
	p.Peers = []string{"exact: " + standalone.ID("/someone-else")}
	return p
}

// policy is one for a target of its own, and named after it.
func (f *fixture) policy(kind, target, section string) standalone.Policy {
	p := f.Policy()
	p.Kind, p.Target, p.Section = kind, target, section
	p.Name = strings.ToLower(strings.Trim("for-"+kind+"-"+target+"-"+section, "-"))
	return p
}

// invalid is the same policy with an error: it does not say whom to accept.
func invalid(p standalone.Policy) standalone.Policy {
	p.Peers = nil
	return p
}

// cleartext is wanted when the backend is to see a request without TLS.
func cleartext(r *standalone.Response) bool { return r.Echo != nil && r.Echo.TLS == "" }

// recordedAnswer is wanted when a recorder is to answer.
func recordedAnswer(r *standalone.Response) bool { return r.Status == 200 && r.Body == recorded }

// refused is wanted when a status is to come with a text in the body.
func refused(status int, text string) func(*standalone.Response) bool {
	return func(r *standalone.Response) bool { return r.Status == status && strings.Contains(r.Body, text) }
}

// Texts with which Envoy answers in place of a backend.
const (
	noBackend      = "no healthy upstream"
	deniedByEgraft = "the policy for this route cannot be applied"
)
