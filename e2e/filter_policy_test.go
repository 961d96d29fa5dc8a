//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// Hosts of the routes with and without a FilterPolicy. The second route is also on another
// listener.
const (
	filteredHost   = "web.example.com"
	unfilteredHost = "other.example.com"
)

// filterPage returns the examples of docs/filter-policy.md by their headings; the first has none.
func filterPage(t *testing.T) map[string]string { return examplesOf(t, "../docs/filter-policy.md") }

// examplesOf returns the examples of a page by their headings. One before all sections has none.
func examplesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	out := map[string]string{}
	for _, part := range regexp.MustCompile(`(?m)^##+ `).Split(string(page), -1) {
		if example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(part); example != nil {
			heading, _, _ := strings.Cut(part, "\n")
			if strings.HasPrefix(heading, "#") {
				heading = ""
			}
			out[heading] = example[1]
		}
	}
	return out
}

// filterEffect determines by requests to a host whether a filter is in effect there.
type filterEffect func(ctx context.Context, f *fixture, host string) (bool, error)

// TestFilterPolicies applies each example of docs/filter-policy.md to the real parts: its effect
// shows in the traffic of its route, but not in that of another route of the same listener.
func TestFilterPolicies(t *testing.T) {
	needs(t, here)
	examples := filterPage(t)
	delete(examples, ofARule)
	transcoder := examples["gRPC-JSON transcoding"]
	delete(examples, "gRPC-JSON transcoding")
	examples["Wasm"] = strings.Replace(examples["Wasm"], "/filters/hello.wasm", wasmFilter(t), 1)
	effects := map[string]filterEffect{
		"":                           header("x-served-by", "egraft"),
		"Cross-site request forgery": forgeryIsRejected,
		"Adaptive concurrency":       concurrencyIsLimited,
		"Bandwidth limit":            responseIsSlow,
		"Another response to errors": errorIsReplaced,
		"RBAC in shadow mode":        deletionIsCounted,
		"Stateful session":           cookieIsSet,
		"gRPC-Web":                   contentIsTranslated,
		"A header for the backend":   header("x-got-egress", "egraft"),
		"Lua":                        header("x-lua", "yes"),
		"Response cache":             responseIsCached,
		"Wasm":                       header("x-wasm", "go"),
	}
	require.Len(t, examples, len(effects), "examples of the page that are not tried")
	f := start(t, standalone.Options{Egraft: []string{"--namespace-rules", "namespaces=*;filters=lua,cache,wasm,grpc_json_transcoder"}})
	backend := f.countingBackend(filterBackend)
	for _, host := range []string{filteredHost, unfilteredHost} {
		f.filteredRoute(host, backend.port)
		f.until(host, "a response", envoy.Status(200))
	}
	for heading, effect := range effects {
		f.run(heading, func(f *fixture) {
			f.apply("filter", examples[heading])
			f.wait("the effect", func(ctx context.Context) error { return f.is(ctx, effect, filteredHost, true) })
			f.must(f.is(f.soon(), effect, unfilteredHost, false))
		})
		f.wait("the route without the filter", func(ctx context.Context) error { return f.is(ctx, effect, filteredHost, false) })
	}
	f.run("without a grant", (*fixture).filterWithoutGrant)
	f.run("gRPC-JSON transcoding", func(f *fixture) { f.transcoded(transcoder) })
	f.healthy(f.soon())
}

// filterWithoutGrant: a filter that the namespace may not use does not change its route.
func (f *fixture) filterWithoutGrant() {
	from := standalone.LogEnd(f.Egraft)
	f.apply("filter", strings.NewReplacer(
		"header_mutation.v3.HeaderMutation", "set_filter_state.v3.Config",
		"      mutations:\n        response_mutations:\n        - append: {header: {key: x-served-by, value: egraft}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}\n", "",
	).Replace(filterPage(f.t)[""]))
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the policy not to be in effect", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "FilterPolicy default/headers"
	})
	f.must(err)
	require.Equal(f.t, "Invalid", line["reason"])
	require.Contains(f.t, line["message"], "namespace default may not use the filter set_filter_state")
	require.Equal(f.t, 200, f.get(filteredHost, "/").Status)
}

func (f *fixture) is(ctx context.Context, effect filterEffect, host string, want bool) error {
	got, err := effect(ctx, f, host)
	if err == nil && got != want {
		err = fmt.Errorf("%s: effect %t, not %t", host, got, want)
	}
	return err
}

func (f *fixture) filteredRoute(host string, port int, more ...string) {
	f.t.Helper()
	name, _, _ := strings.Cut(host, ".")
	f.route(name, host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [%[2]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[3]d}}]%[4]s}
`, name, host, port, strings.Join(append([]string{""}, more...), ", ")))
}

// filterBackend does what the path says.
func filterBackend(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/slow":
		awhile(r.Context(), 300*time.Millisecond)
	case "/large":
		_, _ = w.Write(make([]byte, 96*ki))
	case "/fail":
		w.WriteHeader(http.StatusServiceUnavailable)
	case "/cached":
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = fmt.Fprint(w, time.Now().UnixNano())
	default:
		w.Header().Set("X-Content", r.Header.Get("Content-Type"))
		w.Header().Set("X-Got-Egress", r.Header.Get("X-Egress"))
	}
}

// requested sends a request, and returns the response and its body.
func requested(ctx context.Context, method, host, path string, headers ...string) (*http.Response, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+standalone.ListenerAddress+path, nil)
	if err != nil {
		return nil, "", err
	}
	request.Host = host
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func header(name, value string) filterEffect {
	return func(ctx context.Context, _ *fixture, host string) (bool, error) {
		response, _, err := requested(ctx, http.MethodGet, host, "/")
		return err == nil && response.Header.Get(name) == value, err
	}
}

func forgeryIsRejected(ctx context.Context, _ *fixture, host string) (bool, error) {
	for origin, want := range map[string]int{host: 200, "partner.example.org": 200} {
		if response, _, err := requested(ctx, http.MethodPost, host, "/", "Origin", "http://"+origin); err != nil || response.StatusCode != want {
			return false, errors.Join(err, fmt.Errorf("origin %s is rejected", origin))
		}
	}
	response, _, err := requested(ctx, http.MethodPost, host, "/", "Origin", "http://evil.example.org")
	return err == nil && response.StatusCode == 403, err
}

func concurrencyIsLimited(ctx context.Context, _ *fixture, host string) (bool, error) {
	const requests = 4
	rejected, errs := make(chan bool, requests), make(chan error, requests)
	for range requests {
		go func() {
			response, body, err := requested(ctx, http.MethodGet, host, "/slow")
			rejected <- err == nil && response.StatusCode == 503 && strings.Contains(body, "concurrency")
			errs <- err
		}()
	}
	any, all := false, []error{}
	for range requests {
		any, all = <-rejected || any, append(all, <-errs)
	}
	return any, errors.Join(all...)
}

func responseIsSlow(ctx context.Context, _ *fixture, host string) (bool, error) {
	begin := time.Now()
	_, _, err := requested(ctx, http.MethodGet, host, "/large")
	return time.Since(begin) > 400*time.Millisecond, err
}

func errorIsReplaced(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, body, err := requested(ctx, http.MethodGet, host, "/fail")
	if err != nil || response.StatusCode != 503 {
		return false, errors.Join(err, errors.New("not 503"))
	}
	return body == "Back in a minute.\n" && response.Header.Get("Retry-After") == "60", nil
}

func deletionIsCounted(ctx context.Context, f *fixture, host string) (bool, error) {
	count := func() (string, error) {
		page, err := f.EnvoyAdmin(ctx, "/stats?filter=rbac.*shadow_denied")
		return string(page), err
	}
	before, err := count()
	if err != nil {
		return false, err
	}
	response, _, err := requested(ctx, http.MethodDelete, host, "/")
	if err != nil || response.StatusCode != 200 {
		return false, errors.Join(err, errors.New("not served"))
	}
	after, err := count()
	return before != after, err
}

func cookieIsSet(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodGet, host, "/")
	return err == nil && strings.HasPrefix(response.Header.Get("Set-Cookie"), "session="), err
}

func contentIsTranslated(ctx context.Context, _ *fixture, host string) (bool, error) {
	response, _, err := requested(ctx, http.MethodPost, host, "/", "Content-Type", "application/grpc-web+proto")
	return err == nil && response.Header.Get("X-Content") != "application/grpc-web+proto", err
}

func responseIsCached(ctx context.Context, _ *fixture, host string) (bool, error) {
	_, first, err := requested(ctx, http.MethodGet, host, "/cached")
	if err != nil {
		return false, err
	}
	_, second, err := requested(ctx, http.MethodGet, host, "/cached")
	return first == second, err
}

// wasmFilter builds e2e/wasm.
func wasmFilter(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "hello.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-o", file, "./wasm")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// transcoded: clients of the route use JSON with a backend that uses gRPC.
func (f *fixture) transcoded(example string) {
	port := f.rpcBackend()
	for _, host := range []string{filteredHost, unfilteredHost} {
		f.filteredRoute(host, port, "appProtocols: [gateway.envoyproxy.io/h2c]")
	}
	f.apply("filter", example)
	answers := func(ctx context.Context, host string, status int, body string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+standalone.ListenerAddress+"/grpc.health.v1.Health/Check", strings.NewReader("{}"))
		if err != nil {
			return err
		}
		request.Host = host
		request.Header.Set("Content-Type", "application/json")
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		if err == nil && (response.StatusCode != status || body != "" && strings.ReplaceAll(string(got), " ", "") != body) {
			err = fmt.Errorf("%s: %d %s", host, response.StatusCode, got)
		}
		return err
	}
	f.wait("a response in JSON", func(ctx context.Context) error { return answers(ctx, filteredHost, 200, `{"status":"SERVING"}`) })
	f.wait("no answer in JSON of the other route", func(ctx context.Context) error { return answers(ctx, unfilteredHost, 415, "") })
}
