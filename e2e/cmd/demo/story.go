package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/egraft/egraft/e2e/standalone"
)

// toggles is how often the time to effect is measured.
const toggles = 5

// routes: the first backend is declared to speak cleartext, the second to
// speak TLS. Both are the same program, which demands a client certificate.
var (
	plain = standalone.Route{Name: "echo", Port: 3443}
	tls   = standalone.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org"}
)

// story is what the demo tells.
type story struct {
	*printer
	mode   standalone.SPIFFEMode
	env    *standalone.Environment
	serial string
}

func (s *story) run(ctx context.Context) error {
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"start all parts in a network namespace of their own", s.start},
		{"before the policy, the backend refuses Envoy", s.before},
		{"apply one BackendMTLSPolicy", s.apply},
		{"what changed in Envoy's configuration", s.dump},
		{"the backend's answer shows the SVID that Envoy presented", s.answer},
		{"after the SVID was rotated, a request shows the new one", s.rotate},
		{"a policy that names another peer: Envoy refuses the backend", s.refuse},
		{"how long a policy takes to reach traffic", s.measure},
	}
	for i, step := range steps {
		s.step(i+2, step.what)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("step %d, %s: %w", i+2, step.what, err)
		}
		s.done()
	}
	return nil
}

func (s *story) start(ctx context.Context) error {
	env, err := standalone.Start(ctx, standalone.Options{SPIFFE: s.mode})
	if err != nil {
		return err
	}
	s.env = env
	s.say("egraft, Envoy Gateway, Envoy, a SPIFFE agent and a backend with a client certificate rule run in %s", env.Dir)
	return nil
}

func (s *story) before(ctx context.Context) error {
	tls.CA = s.env.SPIFFE.Bundle()
	if err := s.env.ApplyRoutes(plain, tls); err != nil {
		return err
	}
	for _, r := range []standalone.Route{plain, tls} {
		response, err := s.env.Until(ctx, r.Host(), "the backend to refuse Envoy", refusal(r))
		if err != nil {
			return err
		}
		s.say("%s: status %s", r.Host(), response)
	}
	reason, err := s.env.WaitText(ctx, s.env.Backends["echo"], "client didn't provide a certificate")
	if err != nil {
		return err
	}
	s.say("the backend's log: %s", reason)
	return nil
}

// refusal is what a backend does that demands TLS with a client certificate,
// when Envoy comes in cleartext or without one.
func refusal(r standalone.Route) func(*standalone.Response) bool {
	if r.CA == nil {
		return standalone.Status(400)
	}
	return func(response *standalone.Response) bool { return response.Status == 503 && response.Body != "" }
}

func (s *story) apply(ctx context.Context) error {
	policy, from := s.env.Policy(), standalone.LogEnd(s.env.Egraft)
	s.block(policy.YAML())
	for _, r := range []standalone.Route{plain, tls} {
		took, _, err := s.env.Effect(ctx, policy, r.Host(), standalone.Peer(standalone.ID(standalone.EnvoyIdentity)))
		if err != nil {
			return err
		}
		s.say("%s: the backend sees the SVID after %s", r.Host(), round(took))
	}
	line, err := standalone.WaitLog(ctx, s.env.Egraft, from, "the change", standalone.Message("configuration changed"))
	if err != nil {
		return err
	}
	s.say("egraft's log:")
	s.block(pretty(line))
	return nil
}

func (s *story) answer(ctx context.Context) error {
	for _, r := range []standalone.Route{plain, tls} {
		response, err := s.env.Get(ctx, r.Host(), "/hello")
		if err != nil {
			return err
		}
		if response.Echo == nil || response.Echo.Peer != standalone.ID(standalone.EnvoyIdentity) {
			return fmt.Errorf("the backend did not see %s: %s", standalone.ID(standalone.EnvoyIdentity), response)
		}
		s.serial = response.Echo.Serial
		s.say("curl -H 'Host: %s' http://%s/hello", r.Host(), standalone.ListenerAddress)
		s.block(summary(response.Echo))
	}
	return nil
}

func (s *story) rotate(ctx context.Context) error {
	if err := s.env.SPIFFE.Rotate(ctx); err != nil {
		return err
	}
	response, err := s.env.Until(ctx, plain.Host(), "the new SVID", func(r *standalone.Response) bool {
		return r.Echo != nil && r.Echo.Serial != s.serial
	})
	if err != nil {
		return err
	}
	s.say("serial before: %s", s.serial)
	s.say("serial after:  %s", response.Echo.Serial)
	return nil
}

func (s *story) refuse(ctx context.Context) error {
	policy := s.env.Policy()
	policy.Peers = []string{"exact: " + standalone.ID("/someone-else")}
	s.say("peers: [{%s}]", policy.Peers[0])
	took, response, err := s.env.Effect(ctx, policy, plain.Host(), standalone.Status(503))
	if err != nil {
		return err
	}
	reason, err := s.env.WaitAccessLog(ctx, plain.Host(), "CERTIFICATE_VERIFY_FAILED")
	if err != nil {
		return err
	}
	s.say("after %s: status %s", round(took), response)
	s.say("Envoy's access log: %s", reason)
	return nil
}

func (s *story) measure(ctx context.Context) error {
	var times []time.Duration
	wrong := s.env.Policy()
	wrong.Peers = []string{"exact: " + standalone.ID("/someone-else")}
	for range toggles {
		if _, _, err := s.env.Effect(ctx, wrong, plain.Host(), standalone.Status(503)); err != nil {
			return err
		}
		took, _, err := s.env.Effect(ctx, s.env.Policy(), plain.Host(), standalone.Peer(standalone.ID(standalone.EnvoyIdentity)))
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	slices.Sort(times)
	median := times[len(times)/2]
	s.say("from writing the policy's file to the first request with the SVID: median %s of %d (%s to %s)",
		round(median), toggles, round(times[0]), round(times[len(times)-1]))
	if median > 3*time.Second {
		return errors.New("that is longer than 3 s")
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
