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

// dump shows the TLS context of the backend's cluster, including its connection to the agent.
func (s *story) dump(ctx context.Context) error {
	backend, err := s.env.RouteCluster(ctx, plain.Name)
	if err != nil {
		return err
	}
	shown := text(only(backend, "name", "transport_socket", "transport_socket_matches"))
	s.Say("the cluster of %s, which was without TLS:", plain.Host())
	s.Block(shown)
	for _, want := range []string{manifest.ID(manifest.EnvoyIdentity), manifest.ID("/echo"), "san_type: URI", "unix:" + s.env.SPIFFE.Socket()} {
		if !strings.Contains(shown, want) {
			return fmt.Errorf("the cluster of %s lacks %q", plain.Host(), want)
		}
	}
	return nil
}

// only returns a cluster with only some fields.
func only(c envoy.Cluster, fields ...string) envoy.Cluster {
	out := envoy.Cluster{}
	for name, value := range c {
		if slices.Contains(fields, name) {
			out[name] = value
		}
	}
	return out
}

// text returns a value as YAML.
func text(value any) string {
	out, err := yaml.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// shortLine returns a log line without time and level.
func shortLine(line standalone.Line) string {
	short := maps.Clone(line)
	for _, key := range []string{"time", "level", "msg"} {
		delete(short, key)
	}
	return line.Message() + "\n" + text(map[string]any(short))
}

// shortAnswer returns the response without the headers that Envoy added to the request.
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
