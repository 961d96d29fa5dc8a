//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// ofARule is the section of docs/filter-policy.md that TestHTTPFilter tests.
const ofARule = "In a rule: HTTPFilter"

const taggedHost = "tagged.example.com"

// TestHTTPFilter tests the section on HTTPFilters of docs/filter-policy.md on the real parts: the
// filter is in effect only on its rule, in the filter chain and for the backends, and an invalid
// one affects only that rule.
func TestHTTPFilter(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{MergeBackends: true})
	backend := f.countingBackend(filterBackend)
	example := filterPage(t)[ofARule] + fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: tagged, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, backend.port)
	of := strings.NewReplacer(
		"spec:\n  typedConfig", "spec:\n  upstream: true\n  typedConfig", "response_mutations", "request_mutations", "x-tagged, value: \"yes\"", "x-egress, value: egraft",
	).Replace(example)
	wrong := strings.Replace(of, "request_mutations", "request_mutation", 1)
	f.run("in the filter chain", func(f *fixture) {
		f.route("tagged", taggedHost, example)
		f.tagged("X-Tagged=yes 200", "X-Tagged= 200")
	})
	f.run("in front of the backends", func(f *fixture) {
		f.route("tagged", taggedHost, of)
		f.tagged("X-Got-Egress=egraft 200", "X-Got-Egress= 200")
	})
	f.run("invalid", func(f *fixture) {
		from := standalone.LogEnd(f.Egraft)
		f.route("tagged", taggedHost, wrong)
		line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the filter not to be in effect", func(l standalone.Line) bool {
			return l.Message() == "policy not programmed" && l["policy"] == "HTTPFilter default/tagged"
		})
		f.must(err)
		require.Equal(f.t, "Invalid", line["reason"])
		require.Contains(f.t, line["message"], "did you mean request_mutations?")
		f.tagged("X-Got-Egress= 200", "X-Got-Egress= 200")
	})
	f.run("invalid and denied", func(f *fixture) {
		f.route("tagged", taggedHost, strings.Replace(wrong, "spec:\n  upstream", "spec:\n  failurePolicy: Deny\n  upstream", 1))
		f.tagged("X-Got-Egress= 500", "X-Got-Egress= 200")
	})
	f.healthy(f.soon())
}

// tagged waits for a header and a status on the rule with the filter, and requires others on the
// rule without.
func (f *fixture) tagged(with, without string) {
	f.t.Helper()
	is := func(ctx context.Context, path, want string) error {
		name, _, _ := strings.Cut(want, "=")
		response, _, err := requested(ctx, http.MethodGet, taggedHost, path)
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("%s=%s %d", name, response.Header.Get(name), response.StatusCode); got != want {
			return fmt.Errorf("%s: %s, not %s", path, got, want)
		}
		return nil
	}
	f.wait("the rule with the filter", func(ctx context.Context) error { return is(ctx, "/tagged", with) })
	f.wait("the rule without it", func(ctx context.Context) error { return is(ctx, "/", without) })
}
