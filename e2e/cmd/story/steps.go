package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

const (
	// toggles is how often the time to effect is measured.
	toggles = 5
	// slow is a time to effect that indicates an error: it is closer to the 15 s that Envoy waits
	// by default than to the time on a busy machine.
	slow = 10 * time.Second
	// noCertificate is the error of Go's TLS server for a client without a certificate.
	noCertificate = "tls: client didn't provide a certificate"
)

var seesEnvoy = envoy.Peer(manifest.ID(manifest.EnvoyIdentity))

func (s *story) start(ctx context.Context) error {
	env, err := standalone.Start(ctx, standalone.Options{SPIFFE: s.mode})
	if err != nil {
		return err
	}
	s.env, s.running = env, env
	agent := "a SPIFFE issuer for development, inside the demo"
	if s.mode == standalone.SPIRE {
		agent = "SPIRE server and agent"
	}
	s.Say("egraft         on the Unix socket %s", env.Socket())
	s.Say("Envoy Gateway  calls egraft, and runs Envoy %s", parts.EnvoyVersion)
	s.Say("SPIFFE agent   %s, on %s", agent, env.SPIFFE.Socket())
	s.Say("backend        on 127.0.0.1:%d, is %s and serves %s only", plain.Port, manifest.ID("/echo"), manifest.ID(manifest.EnvoyIdentity))
	return nil
}

func (s *story) before(ctx context.Context) error {
	tls.CA = s.env.SPIFFE.Bundle()
	if err := s.env.ApplyRoutes(ctx, tls, plain); err != nil {
		return err
	}
	response, err := s.env.Until(ctx, tls.Host(), "the backend to reject Envoy", disconnected)
	if err != nil {
		return err
	}
	if _, err := s.env.WaitText(ctx, s.env.Backends["echo"], noCertificate); err != nil {
		return err
	}
	s.Say("%-16s  Envoy connects with TLS: %d, the backend rejects Envoy: no client certificate", tls.Host(), response.Status)
	s.Say("%-16s  (the backend's log: %q)", "", noCertificate)
	if response, err = s.env.Until(ctx, plain.Host(), "the backend to reject Envoy", envoy.Status(400)); err != nil {
		return err
	}
	s.Say("%-16s  Envoy connects in cleartext: %s", plain.Host(), response)
	return nil
}

// disconnected reports whether Envoy responds that the backend closed the connection. A 503 without
// a body has another cause: a new route exists a moment before its cluster.
func disconnected(r *envoy.Response) bool { return r.Status == 503 && r.Body != "" }

func (s *story) apply(ctx context.Context) error {
	policy, from := s.env.Policy(), standalone.LogEnd(s.env.Egraft)
	s.Block(policy.YAML())
	took, _, err := s.env.Effect(ctx, policy, tls.Host(), seesEnvoy)
	if err != nil {
		return err
	}
	if _, err := s.env.Until(ctx, plain.Host(), "the backend to see Envoy", seesEnvoy); err != nil {
		return err
	}
	line, err := standalone.WaitLog(ctx, s.env.Egraft, from, "the change", standalone.Message("configuration changed"))
	if err != nil {
		return err
	}
	s.Say("egraft's log:")
	s.Block(shortLine(line))
	s.Say("both backends serve Envoy %s after the policy was written", round(took))
	return nil
}

func (s *story) answer(ctx context.Context) error {
	for _, r := range []manifest.Route{tls, plain} {
		if err := s.ask(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// ask shows the response of a backend.
func (s *story) ask(ctx context.Context, r manifest.Route) error {
	response, err := s.env.Get(ctx, r.Host(), "/hello")
	if err != nil {
		return err
	}
	if !seesEnvoy(response) {
		return fmt.Errorf("the backend did not see %s: %s", manifest.ID(manifest.EnvoyIdentity), response)
	}
	s.serial = response.Echo.Serial
	s.Say("curl -H 'Host: %s' http://%s/hello", r.Host(), standalone.ListenerAddress)
	s.Block(shortAnswer(response.Echo))
	return nil
}

func (s *story) rotate(ctx context.Context) error {
	if err := s.env.SPIFFE.Rotate(ctx); err != nil {
		return err
	}
	response, err := s.env.Until(ctx, plain.Host(), "the new SVID", func(r *envoy.Response) bool {
		return seesEnvoy(r) && r.Echo.Serial != s.serial
	})
	if err != nil {
		return err
	}
	s.Say("serial number that the backend saw before  %s", s.serial)
	s.Say("and with the next request                  %s", response.Echo.Serial)
	return nil
}

// wrong returns a policy that no backend satisfies.
func (s *story) wrong() manifest.Policy {
	policy := s.env.Policy()
	policy.Peers = []string{"exact: " + manifest.ID("/someone-else")}
	return policy
}

func (s *story) reject(ctx context.Context) error {
	policy := s.wrong()
	s.Block("peers:\n  - " + policy.Peers[0])
	_, response, err := s.env.Effect(ctx, policy, plain.Host(), disconnected)
	if err != nil {
		return err
	}
	line, err := s.env.WaitAccessLog(ctx, plain.Host(), "CERTIFICATE_VERIFY_FAILED")
	if err != nil {
		return err
	}
	s.Say("%s: %d, Envoy rejects the backend (Envoy's access log: %s)", plain.Host(), response.Status, reason(line))
	return nil
}

// reason extracts the reason of a TLS failure from a line of Envoy's access log, without the text
// common to all such errors.
func reason(line string) string {
	_, failure, _ := strings.Cut(line, "failure=")
	_, failure, _ = strings.Cut(failure, "OPENSSL_internal:")
	return strings.TrimSuffix(failure, ":TLS_error_end")
}

func (s *story) measure(ctx context.Context) error {
	var times []time.Duration
	for range toggles {
		if _, _, err := s.env.Effect(ctx, s.wrong(), plain.Host(), disconnected); err != nil {
			return err
		}
		took, _, err := s.env.Effect(ctx, s.env.Policy(), plain.Host(), seesEnvoy)
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	slices.Sort(times)
	s.median = times[len(times)/2]
	s.Say("%d times: median %s, from %s to %s", toggles, round(s.median), round(times[0]), round(times[len(times)-1]))
	if s.median > slow {
		return fmt.Errorf("the median is longer than %s", slow)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
