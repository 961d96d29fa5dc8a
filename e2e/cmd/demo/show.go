package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// dump shows the agent's cluster and the TLS context of the backend's.
func (s *story) dump(ctx context.Context) error {
	agent, err := s.agentCluster(ctx)
	if err != nil {
		return err
	}
	s.say("a cluster for the agent's socket:")
	s.block(text(only(agent, "name", "type", "load_assignment")))
	backend, err := s.env.RouteCluster(ctx, plain.Name)
	if err != nil {
		return err
	}
	shown := text(only(backend, "name", "transport_socket", "transport_socket_matches"))
	s.say("the cluster of %s, which was without TLS:", plain.Host())
	s.block(shown)
	for _, want := range []string{manifest.ID(manifest.EnvoyIdentity), manifest.ID("/echo"), "san_type: URI"} {
		if !strings.Contains(shown, want) {
			return fmt.Errorf("the cluster of %s lacks %q", plain.Host(), want)
		}
	}
	return nil
}

func (s *story) agentCluster(ctx context.Context) (envoy.Cluster, error) {
	clusters, err := s.env.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range clusters {
		if strings.Contains(text(c), s.env.SPIFFE.Socket()) && c["type"] == "STATIC" {
			return c, nil
		}
	}
	return nil, fmt.Errorf("Envoy has no cluster for the agent at %s", s.env.SPIFFE.Socket())
}

// only keeps some fields.
func only(c envoy.Cluster, fields ...string) envoy.Cluster {
	out := envoy.Cluster{}
	for name, value := range c {
		if slices.Contains(fields, name) {
			out[name] = value
		}
	}
	return out
}

// text is a value as YAML.
func text(value any) string {
	out, err := yaml.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// shortLine is a log line without what says when and how important.
func shortLine(line standalone.Line) string {
	short := maps.Clone(line)
	for _, key := range []string{"time", "level", "msg"} {
		delete(short, key)
	}
	return line.Message() + "\n" + text(map[string]any(short))
}

// shortAnswer leaves out what Envoy added to the request.
func shortAnswer(a *echo.Answer) string {
	out, err := json.MarshalIndent(struct {
		echo.Answer
		Headers *struct{} `json:"headers,omitempty"`
	}{Answer: *a}, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(out)
}
