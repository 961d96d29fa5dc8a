//go:build e2e

package e2e

import (
	"strings"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// Routes and conditions that most scenarios use.
var (
	echoRoute = manifest.Route{Name: "echo", Port: 3443}
	seesEnvoy = envoy.Peer(manifest.ID(manifest.EnvoyIdentity))
)

// tlsRoute returns a route whose backend is declared to use TLS.
func (s *scenario) tlsRoute() manifest.Route {
	bundle, err := s.env.Bundle(s.soon())
	s.must(err)
	return manifest.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org", CA: bundle}
}

// wrongPeer returns a policy that no backend satisfies.
func (s *scenario) wrongPeer() manifest.Policy {
	p := s.env.Policy()
	p.Peers = []string{"exact: " + manifest.ID("/someone-else")}
	return p
}

// policy returns a policy for a target, named after it.
func (s *scenario) policy(kind, target, section string) manifest.Policy {
	p := s.env.Policy()
	p.Kind, p.Target, p.Section = kind, target, section
	p.Name = strings.ToLower(strings.Trim("for-"+kind+"-"+target+"-"+section, "-"))
	return p
}

// invalid returns the same policy with an error: it lists no peers.
func invalid(p manifest.Policy) manifest.Policy {
	p.Peers = nil
	return p
}

// cleartext accepts a response if the backend saw a request without TLS.
func cleartext(r *envoy.Response) bool { return r.Echo != nil && r.Echo.TLS == "" }

// recordedAnswer accepts a recorder's response.
func recordedAnswer(r *envoy.Response) bool { return r.Status == 200 && r.Body == recorded }

// rejected accepts a response with a status and a text in the body.
func rejected(status int, text string) func(*envoy.Response) bool {
	return func(r *envoy.Response) bool { return r.Status == status && strings.Contains(r.Body, text) }
}

// Texts of Envoy's own responses.
const (
	noBackend      = "no healthy upstream"
	deniedByEgraft = "the policy for this route cannot be applied"
)
