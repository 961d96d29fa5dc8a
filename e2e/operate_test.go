//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// operatePage has one section for each incident. If the environment variable updatePage is set, the
// output of the commands is written to it.
const (
	operatePage = "../docs/incidents.md"
	updatePage  = "EGRAFT_UPDATE_PAGE"
)

// varies matches what differs between runs.
var varies = regexp.MustCompile(`[0-9a-f]{16}|in \d+ of \d+ calls|\d+ rejected updates?`)

// incident runs the command of a section of the page until its output equals the page's.
func (f *fixture) incident(heading string) {
	f.t.Helper()
	text, err := os.ReadFile(operatePage)
	f.must(err)
	before, rest, found := strings.Cut(string(text), "\n## "+heading+"\n")
	require.True(f.t, found, "%s has no section %s", operatePage, heading)
	section, next, more := strings.Cut(rest, "\n## ")
	intro, rest, found := strings.Cut(section, "```console\n$ ")
	require.True(f.t, found)
	block, after, found := strings.Cut(rest, "\n```\n")
	require.True(f.t, found)
	command, want, _ := strings.Cut(block, "\n")
	if os.Getenv(updatePage) != "" {
		time.Sleep(12 * time.Second) //nolint:forbidigo // only when updating the page, not in tests
		want = f.printed(f.soon(), command)
		section = intro + "```console\n$ " + command + "\n" + want + "\n```\n" + after
		text := before + "\n## " + heading + "\n" + section
		if more {
			text += "\n## " + next
		}
		f.must(os.WriteFile(operatePage, []byte(text), 0o600))
	}
	have := ""
	err = process.Poll(f.soon(), "what the page says", func(ctx context.Context) error {
		if have = f.printed(ctx, command); mask(have) != mask(want) {
			return fmt.Errorf("got %s", have)
		}
		return nil
	})
	require.Equal(f.t, mask(want), mask(have), "set %s=1 to write the page", updatePage)
	f.must(err)
}

func mask(text string) string { return varies.ReplaceAllString(text, "…") }

// printed returns the output of a command, with the paths of the page.
func (f *fixture) printed(ctx context.Context, command string) string {
	f.t.Helper()
	words := strings.Fields(command)
	require.Equal(f.t, "egraft", words[0])
	for i, w := range words {
		if w == "127.0.0.1:19000" { // Envoy chooses its port here
			address, err := f.AdminAddress()
			f.must(err)
			words[i] = address
		}
	}
	cmd := exec.CommandContext(ctx, f.EgraftProgram(), words[1:]...)
	cmd.Env, cmd.Dir = append(process.Environ(), "EGRAFT_ADMIN_ADDRESS="+standalone.EgraftAdminAddress), f.Dir
	out, _ := cmd.CombinedOutput() // most fail because of the incident
	text := strings.NewReplacer(
		f.SPIFFE.Socket(), "/run/spire/agent.sock", f.Dir, "/run/egraft-demo",
		xdsListener("http"), "default/eg/http", xdsListener("second"), "default/eg/second",
	).Replace(string(out))
	if address, err := f.AdminAddress(); err == nil {
		text = strings.ReplaceAll(text, address, "127.0.0.1:19000")
	}
	return strings.TrimSuffix(text, "\n")
}

// TestNotWired: Envoy Gateway runs without the extension manager.
func TestNotWired(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Managers: func(string, map[string]any) ([]map[string]any, error) { return nil, nil }})
	f.policies(f.env.Policy())
	f.incident("Envoy Gateway does not call egraft")
}

// TestIncidents: each incident is identified by one command.
func TestIncidents(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--namespace-rules", "namespaces=*;filters=lua"}})
	f.routes(echoRoute)
	f.until(echoRoute.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	f.run("typo", func(f *fixture) {
		p := f.env.Policy()
		p.Kind, p.Target = "HTTPRoute", "ehco"
		f.policies(p)
		f.incident("A policy has no effect because of a typo")
	})
	f.run("conflict", func(f *fixture) {
		f.effect(f.env.Policy(), echoRoute.Host(), seesEnvoy)
		later := f.env.Policy()
		later.Name = "newer" // without a creation time, the name decides
		f.policies(later)
		f.incident("Two policies have the same target")
	})
	f.run("denied", func(f *fixture) {
		p := f.env.Policy()
		p.Peers = nil
		f.effect(p, echoRoute.Host(), envoy.Status(503))
		f.incident("Requests are rejected")
	})
	f.run("rejected", func(f *fixture) {
		f.apply("script", brokenScript)
		f.incident("Envoy rejects an update")
	})
}

// brokenScript has a syntax error that only Envoy detects.
const brokenScript = `
apiVersion: egraft.io/v1alpha1
kind: FilterPolicy
metadata: {name: script, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: echo}]
  filter:
    name: script
    typedConfig:
      "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
      default_source_code: {inline_string: "function envoy_on_response("}
`
