package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/playback"
)

// recordedSteps returns the steps of the act without Envoy Gateway.
func (s *story) recordedSteps() []step {
	return []step{
		{
			"Recorded: before the policy, the backend rejects Envoy",
			"This replays a recorded call of Envoy Gateway " + playback.EnvoyGateway + ". Envoy is real.",
			s.recordedBefore,
		},
		{
			"Recorded: the call with one BackendMTLSPolicy", "egraft's engine edits the cluster; Envoy itself fetches its certificate (SVID).",
			s.recordedPolicy,
		},
		{
			"Recorded: whom the backend sees", "Its response contains the SPIFFE ID of the client certificate that Envoy presented.",
			s.recordedAnswer,
		},
	}
}

func (s *story) recordedBefore(ctx context.Context) error {
	world, err := playback.Start(ctx)
	if err != nil {
		return err
	}
	s.world, s.env, s.running = world, world.Environment, world
	s.Say("Envoy %s  gets its configuration from the demo: recorded calls, through egraft's engine", parts.EnvoyVersion)
	s.Say("backend        on 127.0.0.1:%d, serves %s only", plain.Port, manifest.ID(manifest.EnvoyIdentity))
	if err := world.Before(ctx); err != nil {
		return err
	}
	response, err := s.env.Until(ctx, plain.Host(), "the backend to reject Envoy", envoy.Status(400))
	if err != nil {
		return err
	}
	s.Say("%s  Envoy connects in cleartext: %s", plain.Host(), response)
	return nil
}

func (s *story) recordedPolicy(ctx context.Context) error {
	var policy struct {
		Kind string         `json:"kind"`
		Spec map[string]any `json:"spec"`
	}
	if err := json.Unmarshal(s.world.Policy(), &policy); err != nil {
		return fmt.Errorf("policy of the recording: %w", err)
	}
	for field, value := range policy.Spec {
		if value == nil {
			delete(policy.Spec, field)
		}
	}
	s.Block(text(policy))
	if err := s.world.Apply(ctx); err != nil {
		return err
	}
	return s.dump(ctx)
}

func (s *story) recordedAnswer(ctx context.Context) error {
	if _, err := s.env.Until(ctx, plain.Host(), "the backend to see Envoy", seesEnvoy); err != nil {
		return err
	}
	return s.ask(ctx, plain)
}
