//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// Sizes of bodies. Envoy itself buffers 32Ki of a request, Envoy Gateway's default for connections.
const (
	ki          = 1 << 10
	bufferLimit = 64 * ki // of the Gateway in docs/buffer-policy.md
)

// TestBuffering tests docs/buffer-policy.md on the real parts: its unmodified example, and its
// statements.
func TestBuffering(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Listeners: []string{`{name: same-port, protocol: HTTP, port: 8888, hostname: "*.example.org"}`}})
	f.run("example", (*fixture).bufferExample)
	f.run("slow upload", (*fixture).slowUpload)
	f.run("streaming response", (*fixture).streamingResponse)
	f.run("one listener of two on a port", (*fixture).bufferListener)
	f.run("limit only", (*fixture).limitOnly)
	f.run("wrong policy", (*fixture).wrongBufferPolicy)
	f.run("requestBuffer", (*fixture).requestBuffer)
}

// uploadBackend reports the start of requests, and responds with the size of their bodies.
type uploadBackend struct {
	port  int
	began chan time.Time
	ended chan struct{} // when closed, a streamed response continues
}

func (f *fixture) uploadBackend() *uploadBackend {
	f.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	b := &uploadBackend{listener.Addr().(*net.TCPAddr).Port, make(chan time.Time, 1000), make(chan struct{})}
	server := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	f.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return b
}

// ServeHTTP implements http.Handler.
func (b *uploadBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/slow" || r.URL.Path == "/fail" {
		b.began <- time.Now()
	}
	if r.URL.Path == "/upgrade" {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
		w.WriteHeader(http.StatusSwitchingProtocols)
		return
	}
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return
	}
	if r.URL.Path == "/fail" {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.URL.Path == "/length" {
		_, _ = fmt.Fprintf(w, "length %d, %s", r.ContentLength, r.TransferEncoding)
		return
	}
	_, _ = fmt.Fprintf(w, "%d bytes\n", n)
	if r.URL.Path == "/stream" {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-b.ended:
		case <-r.Context().Done():
		}
		_, _ = fmt.Fprintln(w, "the end")
	}
}

// uploads applies an HTTPRoute to the backend, with the host name NAME.example.com or, on
// another listener than http, NAME.example.org.
func (f *fixture) uploads(name, section string, b *uploadBackend) string {
	f.t.Helper()
	host := name + ".example.com"
	if section != "http" {
		host = name + ".example.org"
	}
	f.route(name, host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: %[2]s}]
  hostnames: [%[3]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[4]d}}]}
`, name, section, host, b.port))
	return host
}

// apply applies resources, and deletes them at the end.
func (f *fixture) apply(name, content string) {
	f.t.Helper()
	f.applied = append(f.applied, name)
	f.must(f.Apply(f.ctx, name, content))
}

// bufferPolicy applies a BufferPolicy for a target, such as "kind: Gateway, name: eg".
func (f *fixture) bufferPolicy(name, target, spec string) {
	f.t.Helper()
	f.apply(name, fmt.Sprintf(`
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {name: %s, namespace: default}
spec: {targetRefs: [{group: gateway.networking.k8s.io, %s}], %s}
`, name, target, spec))
}

func upload(ctx context.Context, host, path string, body io.Reader) (*http.Response, error) {
	return uploadTo(ctx, standalone.ListenerAddress, host, path, body)
}

func uploadTo(ctx context.Context, listener, host, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+listener+path, body)
	if err != nil {
		return nil, err
	}
	request.Host = host
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
}

// uploaded is [post] to the root.
func uploaded(ctx context.Context, host string, size int) (int, error) {
	return post(ctx, host, "/", size)
}

// post sends a body of a size in chunks, and returns the status of the response. It declares no
// length, so that Envoy must count.
func post(ctx context.Context, host, path string, size int) (int, error) {
	response, err := upload(ctx, host, path, io.MultiReader(bytes.NewReader(make([]byte, size))))
	return uploadStatus(response, err, size)
}

// uploadStatus returns the status of a response. For 200, it checks that the response is the
// backend's.
func uploadStatus(response *http.Response, err error, size int) (int, error) {
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if want := fmt.Sprintf("%d bytes\n", size); err == nil && response.StatusCode == http.StatusOK && string(answer) != want {
		err = fmt.Errorf("the backend got %q, and was sent %d bytes", answer, size)
	}
	return response.StatusCode, err
}

// untilUploaded is untilPosted to the root.
func (f *fixture) untilUploaded(host string, size, want int) {
	f.t.Helper()
	f.untilPosted(host, "/", size, want)
}

// untilPosted waits until a body of a size gets a response with the given status.
func (f *fixture) untilPosted(host, path string, size, want int) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%d for %d bytes to %s%s", want, size, host, path), func(ctx context.Context) error {
		got, err := post(ctx, host, path, size)
		if err == nil && got != want {
			err = fmt.Errorf("got %d", got)
		}
		return err
	})
}

// posted requires a response to a body of a size.
func (f *fixture) posted(host, path string, size, want int) {
	f.t.Helper()
	got, err := post(f.soon(), host, path, size)
	f.must(err)
	require.Equal(f.t, want, got, "%d bytes to %s%s", size, host, path)
}

// takes requires that a route accepts bodies up to a limit, and none beyond.
func (f *fixture) takes(host string, limit int) {
	f.t.Helper()
	for size, want := range map[int]int{1: 200, limit: 200, limit + 1: 413, 4 * limit: 413} {
		got, err := uploaded(f.soon(), host, size)
		f.must(err)
		require.Equal(f.t, want, got, "%d bytes to %s", size, host)
	}
}

// takesAll requires that a route has no limit.
func (f *fixture) takesAll(host string) {
	f.t.Helper()
	got, err := uploaded(f.soon(), host, 8<<20)
	f.must(err)
	require.Equal(f.t, 200, got, host)
}

// bufferExampleText returns the example of the page.
func (f *fixture) bufferExampleText() string {
	f.t.Helper()
	page, err := os.ReadFile("../docs/buffer-policy.md")
	f.must(err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(f.t, example)
	return string(example[1])
}

// bufferExample: the Gateway's limit, a route with its own limit, and a route without.
func (f *fixture) bufferExample() {
	b := f.uploadBackend()
	other, uploads, streams := f.uploads("other", "http", b), f.uploads("uploads", "http", b), f.uploads("streams", "http", b)
	f.untilUploaded(other, 8<<20, 200)
	f.apply("buffer", f.bufferExampleText())
	f.untilUploaded(other, bufferLimit+1, 413)
	f.untilUploaded(uploads, bufferLimit+1, 200)
	f.untilUploaded(streams, 8<<20, 200)
	f.takes(other, bufferLimit)
	f.takes(uploads, 1<<20)
	f.takesAll(streams)
	f.noMarksOnRoutes("other", "uploads", "streams")
}

// slowUpload: with buffering, the request reaches the backend after the last byte has arrived,
// without buffering before.
func (f *fixture) slowUpload() {
	b := f.uploadBackend()
	held, streams := f.uploads("held", "http", b), f.uploads("streams", "http", b)
	f.bufferPolicy("slow", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.bufferPolicy("slow-streams", "kind: HTTPRoute, name: streams", "disabled: true")
	f.untilUploaded(held, bufferLimit+1, 413)
	f.untilUploaded(held, 1, 200) // a 413 does not need the cluster
	f.untilUploaded(streams, bufferLimit+1, 200)

	end, answer := f.beginUpload(streams)
	<-b.began // or the scenario times out
	end()
	require.Equal(f.t, 200, <-answer)

	end, answer = f.beginUpload(held)
	for range 20 { // Envoy has received the first half by the time these complete
		got, err := uploaded(f.soon(), held, 1)
		f.must(err)
		require.Equal(f.t, 200, got)
	}
	require.Empty(f.t, b.began, "the backend was asked before the request was complete")
	last := end()
	require.Equal(f.t, 200, <-answer)
	require.True(f.t, (<-b.began).After(last), "the backend was asked before the last byte was sent")
}

// beginUpload sends half of a body. end sends the rest, and returns the time at which it started.
func (f *fixture) beginUpload(host string) (end func() time.Time, answer <-chan int) {
	f.t.Helper()
	body, pipe := io.Pipe()
	status := make(chan int, 1)
	go func() {
		response, err := upload(f.ctx, host, "/slow", body)
		if err != nil {
			f.t.Error(err)
			status <- 0
			return
		}
		defer response.Body.Close()
		status <- response.StatusCode
	}()
	half := make([]byte, bufferLimit/4)
	_, err := pipe.Write(half)
	f.must(err)
	return func() time.Time {
		last := time.Now()
		_, err := pipe.Write(half)
		f.must(err)
		f.must(pipe.Close())
		return last
	}, status
}

// streamingResponse: the client receives the start of a response before its end exists.
func (f *fixture) streamingResponse() {
	b := f.uploadBackend()
	host := f.uploads("streamed", "http", b)
	f.bufferPolicy("streamed-policy", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.untilUploaded(host, bufferLimit+1, 413)
	f.untilUploaded(host, 1, 200) // a 413 does not need the cluster
	response, err := upload(f.soon(), host, "/stream", strings.NewReader("request"))
	f.must(err)
	defer response.Body.Close()
	first := make([]byte, len("7 bytes\n"))
	_, err = io.ReadFull(response.Body, first)
	f.must(err)
	require.Equal(f.t, "7 bytes\n", string(first))
	close(b.ended) // only now the backend sends the rest
	rest, err := io.ReadAll(response.Body)
	f.must(err)
	require.Equal(f.t, "the end\n", string(rest))
}

// bufferListener: two listeners share a port, and in Envoy a listener and a filter chain. The
// policy of one does not affect the other.
func (f *fixture) bufferListener() {
	b := f.uploadBackend()
	one, other := f.uploads("one", "http", b), f.uploads("two", "same-port", b)
	f.untilUploaded(one, 8<<20, 200)
	f.untilUploaded(other, 8<<20, 200)
	f.bufferPolicy("of-section", "kind: Gateway, name: eg, sectionName: same-port", "maxRequestBytes: 64Ki")
	f.untilUploaded(other, bufferLimit+1, 413)
	f.takes(other, bufferLimit)
	f.takesAll(one)
}

// wrongBufferPolicy: with Ignore the target is unmodified, with Deny its requests are rejected.
func (f *fixture) wrongBufferPolicy() {
	b := f.uploadBackend()
	ignored, denied := f.uploads("ignored", "http", b), f.uploads("denied", "http", b)
	section := f.uploads("section", "same-port", b)
	from := f.logEnd("egraft")
	f.bufferPolicy("wrong-ignored", "kind: HTTPRoute, name: ignored", "maxRequestBytes: 0")
	f.bufferPolicy("wrong-denied", "kind: HTTPRoute, name: denied", "maxRequestBytes: 0, failurePolicy: Deny")
	f.bufferPolicy("wrong-section", "kind: Gateway, name: eg, sectionName: same-port", "maxRequestBytes: 0, failurePolicy: Deny")
	f.untilUploaded(denied, 1, 500)
	f.untilUploaded(section, 1, 500)
	f.loggedJSON("egraft", from, "what is wrong", func(l standalone.Line) bool {
		return l.Message() == "policy not programmed" && l["policy"] == "BufferPolicy default/wrong-ignored" && l["reason"] == "Invalid"
	})
	f.untilUploaded(ignored, 8<<20, 200) // Envoy Gateway may send a new route before its cluster
}

// requestBuffer: a BackendTrafficPolicy's limit overrides a BufferPolicy of the Gateway, but not
// one of the route. Both use the same filter.
func (f *fixture) requestBuffer() {
	b := f.uploadBackend()
	theirs, ours := f.uploads("theirs", "http", b), f.uploads("ours", "http", b)
	f.bufferPolicy("beside", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.bufferPolicy("beside-ours", "kind: HTTPRoute, name: ours", "maxRequestBytes: 20Ki")
	f.apply("request-buffer", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: request-buffer, namespace: default}
spec:
  targetRefs:
    - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: theirs}
    - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: ours}
  requestBuffer: {limit: 10Ki}
`)
	f.untilUploaded(theirs, 10*ki+1, 413)
	f.untilUploaded(ours, 10*ki+1, 200)
	f.takes(theirs, 10*ki)
	f.takes(ours, 20*ki)
	page, err := f.EnvoyAdmin(f.soon(), "/config_dump?resource=dynamic_listeners")
	f.must(err)
	for _, chain := range strings.Split(string(page), `"http_filters"`)[1:] {
		require.LessOrEqual(f.t, strings.Count(chain, `"name": "envoy.filters.http.buffer"`), 1, chain)
	}
}

// limitOnly: a filter that needs the whole body may buffer up to the policy's limit. Without such a
// filter there is no limit.
func (f *fixture) limitOnly() {
	b := f.uploadBackend()
	lua, none := f.uploads("lua", "http", b), f.uploads("none", "http", b)
	f.apply("lua-policy", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: lua-policy, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: lua}]
  lua: [{type: Inline, inline: "function envoy_on_request(request_handle) request_handle:body() end"}]
`)
	f.untilUploaded(lua, 8<<20, 413)
	f.bufferPolicy("limit-only", "kind: Gateway, name: eg", "maxRequestBytes: 200Ki, mode: LimitOnly")
	f.untilUploaded(lua, 150*ki, 200)
	got, err := uploaded(f.soon(), lua, 8<<20)
	f.must(err)
	require.Equal(f.t, 413, got)
	f.takesAll(none)
}
