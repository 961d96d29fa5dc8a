//go:build e2e

package e2e

import (
	"strings"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// Routes and answers that most scenarios use.
var (
	echoRoute = manifest.Route{Name: "echo", Port: 3443}
	seesEnvoy = envoy.Peer(manifest.ID(manifest.EnvoyIdentity))
)

// tlsRoute is a route whose backend is declared to speak TLS.
func (s *scenario) tlsRoute() manifest.Route {
	bundle, err := s.env.Bundle(s.soon())
	s.must(err)
	return manifest.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org", CA: bundle}
}

// wrongPeer is a policy that no backend satisfies.
func (s *scenario) wrongPeer() manifest.Policy {
	p := s.env.Policy()
	p.Peers = []string{"exact: " + manifest.ID("/someone-else")}
	return p
}

// policy is one for a target of its own, and named after it.
func (s *scenario) policy(kind, target, section string) manifest.Policy {
	p := s.env.Policy()
	p.Kind, p.Target, p.Section = kind, target, section
	p.Name = strings.ToLower(strings.Trim("for-"+kind+"-"+target+"-"+section, "-"))
	return p
}

// invalid is the same policy with an error: it does not say whom to accept.
func invalid(p manifest.Policy) manifest.Policy {
	p.Peers = nil
	return p
}

// cleartext is wanted when the backend is to see a request without TLS.
func cleartext(r *envoy.Response) bool { return r.Echo != nil && r.Echo.TLS == "" }

// recordedAnswer is wanted when a recorder is to answer.
func recordedAnswer(r *envoy.Response) bool { return r.Status == 200 && r.Body == recorded }

// rejected is wanted when a status is to come with a text in the body.
func rejected(status int, text string) func(*envoy.Response) bool {
	return func(r *envoy.Response) bool { return r.Status == status && strings.Contains(r.Body, text) }
}

// Texts with which Envoy answers in place of a backend.
const (
	noBackend      = "no healthy upstream"
	deniedByEgraft = "the policy for this route cannot be applied"
)
