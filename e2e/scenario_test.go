//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// environment is the environment of a scenario: processes on this machine or pods in a cluster. It
// lacks operations that are only possible with processes; scenarios that need them have a
// [fixture].
type environment interface {
	// Apply applies manifests under a name, which Delete uses.
	Apply(ctx context.Context, name, manifests string) error
	Delete(ctx context.Context, name string) error
	ApplyPolicy(ctx context.Context, p manifest.Policy) error
	// Route and Policy return the forms for this environment.
	Route(r manifest.Route) manifest.Route
	Policy() manifest.Policy

	Get(ctx context.Context, host, path string) (*envoy.Response, error)
	Until(ctx context.Context, host, what string, wanted func(*envoy.Response) bool) (*envoy.Response, error)
	Clusters(ctx context.Context) (map[string]envoy.Cluster, error)
	RouteCluster(ctx context.Context, route string) (envoy.Cluster, error)
	WaitSettled(ctx context.Context) error

	// Bundle returns the trust domain's roots in PEM, and Rotate replaces all SVIDs.
	Bundle(ctx context.Context) ([]byte, error)
	Rotate(ctx context.Context) error
	// Log returns the log of "egraft", "backend-echo", or Envoy as "access".
	Log(ctx context.Context, name string) ([]byte, error)
	// AgentSocket returns the path of the SPIFFE agent's socket for Envoy.
	AgentSocket() string
}

// scenario is a part of a test that can run in any environment.
type scenario struct {
	env environment
	t   *testing.T
	ctx context.Context //nolint:containedctx // of the one test that has the scenario
	// applied are the names to delete at the end, routes first, and hosts are the hosts of the
	// routes.
	applied, hosts []string
}

// deleteAll deletes everything that was applied, and waits until Envoy no longer has it. Routes are
// deleted first: a cluster that loses its policy keeps Envoy busy for 15 s, see
// docs/backend-mtls-policy.md.
func (s *scenario) deleteAll() {
	for _, name := range s.applied {
		s.must(s.env.Delete(s.ctx, name))
	}
	for _, host := range s.hosts {
		s.until(host, "the route to be gone", envoy.Status(404))
	}
	s.must(s.env.WaitSettled(s.soon()))
}

// soon returns a context for one wait.
func (s *scenario) soon() context.Context {
	ctx, cancel := context.WithTimeoutCause(s.ctx, patience, fmt.Errorf("not within %s", patience))
	s.t.Cleanup(cancel)
	return ctx
}

func (s *scenario) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// routes applies routes.
func (s *scenario) routes(routes ...manifest.Route) {
	s.t.Helper()
	for _, r := range routes {
		s.route(r.Name, r.Host(), s.env.Route(r).YAML())
	}
}

// route applies a route and everything that it needs.
func (s *scenario) route(name, host, content string) {
	s.t.Helper()
	s.applied, s.hosts = slices.Insert(s.applied, 0, name), append(s.hosts, host)
	s.must(s.env.Apply(s.ctx, name, content))
}

// policies applies policies.
func (s *scenario) policies(policies ...manifest.Policy) {
	s.t.Helper()
	for _, p := range policies {
		s.applied = append(s.applied, p.Name)
		s.must(s.env.ApplyPolicy(s.ctx, p))
	}
}

// effect applies a policy, waits for the response that it must cause, and returns how long that
// took.
func (s *scenario) effect(p manifest.Policy, host string, wanted func(*envoy.Response) bool) time.Duration {
	s.t.Helper()
	start := time.Now()
	s.policies(p)
	s.until(host, "policy "+p.Name+" to take effect", wanted)
	return time.Since(start)
}

// until waits for a response.
func (s *scenario) until(host, what string, wanted func(*envoy.Response) bool) *envoy.Response {
	s.t.Helper()
	response, err := s.env.Until(s.soon(), host, what, wanted)
	s.must(err)
	return response
}

// wait waits for a condition.
func (s *scenario) wait(what string, condition func(context.Context) error) {
	s.t.Helper()
	s.must(process.Poll(s.soon(), what, condition))
}

// get sends one request.
func (s *scenario) get(host, path string) *envoy.Response {
	s.t.Helper()
	response, err := s.env.Get(s.soon(), host, path)
	s.must(err)
	return response
}

// logged waits until a log has a line that contains all of some texts, and returns the last one.
func (s *scenario) logged(name string, texts ...string) string {
	s.t.Helper()
	var found string
	s.wait(fmt.Sprintf("%q in the log of %s", texts, name), func(ctx context.Context) error {
		content, err := s.env.Log(ctx, name)
		for line := range strings.Lines(string(content)) {
			if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
				found = strings.TrimSpace(line)
			}
		}
		if err == nil && found == "" {
			err = fmt.Errorf("not among %d bytes", len(content))
		}
		return err
	})
	return found
}

// logEnd returns the current end of a log.
func (s *scenario) logEnd(name string) int {
	s.t.Helper()
	content, err := s.env.Log(s.soon(), name)
	s.must(err)
	return len(content)
}

// loggedJSON waits until a log has a wanted line after a position.
func (s *scenario) loggedJSON(name string, from int, what string, wanted func(standalone.Line) bool) standalone.Line {
	s.t.Helper()
	var found standalone.Line
	s.wait(what+" in the log of "+name, func(ctx context.Context) error {
		content, err := s.env.Log(ctx, name)
		if err != nil {
			return err
		}
		lines := standalone.ParseLog(bytes.TrimSpace(content[min(from, len(content)):]))
		if i := slices.IndexFunc(lines, wanted); i >= 0 {
			found = lines[i]
			return nil
		}
		return errors.New("it is not there yet")
	})
	return found
}
