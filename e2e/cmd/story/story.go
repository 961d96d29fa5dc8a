package main

import (
	"context"
	"fmt"
	"time"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/playback"
	"github.com/egraft/egraft/e2e/printer"
	"github.com/egraft/egraft/e2e/standalone"
)

// The first backend is declared to use TLS, the second cleartext. Both are the same program, which
// requires a client certificate.
var (
	tls   = manifest.Route{Name: "tls", Port: 3443, Hostname: "echo.example.org"}
	plain = manifest.Route{Name: "echo", Port: 3443}
)

// story runs the steps of the demo.
type story struct {
	*printer.Printer
	mode  standalone.SPIFFEMode
	first int // number of the first step
	env   *standalone.Environment
	world *playback.World // nil with the real Envoy Gateway
	// running is what must be stopped, nil if nothing is running.
	running interface {
		Stop() error
		Close() error
	}
	serial string
	median time.Duration
}

// step is a step of the demo.
type step struct {
	what, why string
	do        func(context.Context) error
}

// realSteps returns the steps with the real Envoy Gateway.
func (s *story) realSteps() []step {
	return []step{
		{
			"Start everything", "In a separate network namespace: nothing listens on this machine's interfaces.",
			s.start,
		},
		{
			"Before the policy, the backend rejects Envoy", "The backend serves only clients with a certificate, and Envoy has none.",
			s.before,
		},
		{
			"Apply one BackendMTLSPolicy", "Envoy Gateway reads it and sends it to egraft with Envoy's configuration.",
			s.apply,
		},
		{
			"What egraft changed in Envoy", "Envoy itself fetches its certificate (SVID) from the agent; no key passes through egraft.",
			s.dump,
		},
		{
			"Whom the backend sees", "Its response contains the SPIFFE ID of the client certificate that Envoy presented.",
			s.answer,
		},
		{
			"The SVID is rotated", "The agent pushes the new one to Envoy, without a restart or new configuration.",
			s.rotate,
		},
		{
			"A policy that expects another peer", "mTLS works both ways: Envoy rejects a backend that the policy does not list.",
			s.reject,
		},
		{
			"How fast a policy is", "From writing the policy's file to the first request that it changes.",
			s.measure,
		},
	}
}

func (s *story) run(ctx context.Context, steps []step) error {
	for i, each := range steps {
		number := s.first + i
		s.Step(number, each.what, each.why)
		if err := limited(ctx, each.do); err != nil {
			return fmt.Errorf("step %d, %q: %w", number, each.what, err)
		}
		s.Done()
	}
	return nil
}

// limited runs a step with a timeout.
func limited(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	return do(ctx)
}
