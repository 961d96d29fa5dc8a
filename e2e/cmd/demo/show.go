package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/standalone"
)

// dump shows the agent's cluster and the TLS context of the backend's.
func (s *story) dump(ctx context.Context) error {
	clusters, err := s.env.Clusters(ctx)
	if err != nil {
		return err
	}
	var agent standalone.Cluster
	for _, c := range clusters {
		if strings.Contains(text(c), s.env.SPIFFE.Socket()) && c["type"] == "STATIC" {
			agent = c
		}
	}
	if agent == nil {
		return fmt.Errorf("Envoy has no cluster for the agent at %s", s.env.SPIFFE.Socket())
	}
	s.say("the agent's cluster:")
	s.block(text(agent))
	backend, err := s.env.RouteCluster(ctx, plain.Name)
	if err != nil {
		return err
	}
	s.say("the cluster of %s:", plain.Host())
	shown := text(only(backend, "name", "transport_socket", "transport_socket_matches", "eds_cluster_config"))
	s.block(shown)
	for _, want := range []string{standalone.ID(standalone.EnvoyIdentity), standalone.ID("/echo"), "san_type: URI"} {
		if !strings.Contains(shown, want) {
			return fmt.Errorf("the cluster of %s lacks %q", plain.Host(), want)
		}
	}
	return nil
}

// only keeps some fields.
func only(c standalone.Cluster, fields ...string) standalone.Cluster {
	out := standalone.Cluster{}
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

// pretty is a log line, time and all.
func pretty(line standalone.Line) string { return text(map[string]any(line)) }

// summary leaves out what Envoy added to the request.
func summary(a *echo.Answer) string {
	short := *a
	short.Headers = nil
	out, err := json.MarshalIndent(short, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(out)
}
