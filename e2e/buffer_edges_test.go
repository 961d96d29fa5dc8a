//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestBufferingEdges tests edge cases of BufferPolicy: gRPC, rules, TLS, Envoy Gateway's own
// limits, and requests that are not plain uploads.
func TestBufferingEdges(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Listeners: tlsListeners})
	f.run("gRPC", (*fixture).bufferedCalls)
	f.run("rules", (*fixture).bufferedRules)
	f.run("TLS", (*fixture).bufferedTLS)
	f.run("requests", (*fixture).bufferedRequests)
	f.run("connection limit", (*fixture).bufferConnectionLimit)
	f.run("requestBuffer", (*fixture).bufferBesideRequestBuffer)
	f.run("wrong policies", (*fixture).wrongBufferPolicies)
}

// bufferedRules: a policy of one rule, one of its route, and an invalid one.
func (f *fixture) bufferedRules() {
	b := f.uploadBackend()
	const host = "rules.example.com"
	f.route("rules", host, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: rules, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [%s]
  rules:
  - {name: small, matches: [{path: {type: PathPrefix, value: /small}}], backendRefs: &backend [{group: gateway.envoyproxy.io, kind: Backend, name: rules}]}
  - {name: large, matches: [{path: {type: PathPrefix, value: /large}}], backendRefs: *backend}
  - {name: wrong, matches: [{path: {type: PathPrefix, value: /wrong}}], backendRefs: *backend}
  - {name: others, backendRefs: *backend}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: rules, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, host, b.port))
	f.untilPosted(host, "/", 1, 200)
	f.bufferPolicy("for-small", "kind: HTTPRoute, name: rules, sectionName: small", "maxRequestBytes: 10Ki")
	f.bufferPolicy("for-wrong", "kind: HTTPRoute, name: rules, sectionName: wrong", "maxRequestBytes: 0, failurePolicy: Deny")
	f.untilPosted(host, "/small", 10*ki+1, 413)
	f.untilPosted(host, "/wrong", 1, 500)
	f.posted(host, "/small", 10*ki, 200)
	f.posted(host, "/large", 8<<20, 200)
	f.posted(host, "/", 8<<20, 200)
	f.bufferPolicy("for-route", "kind: HTTPRoute, name: rules", "maxRequestBytes: 64Ki")
	f.untilPosted(host, "/large", bufferLimit+1, 413)
	f.posted(host, "/", bufferLimit+1, 413)
	f.posted(host, "/", bufferLimit, 200)
	f.posted(host, "/small", 10*ki, 200)
	f.posted(host, "/small", 10*ki+1, 413)
	f.posted(host, "/wrong", 1, 500)
}

// bufferedTLS: one of two TLS listeners on the same port has a policy, for HTTP/1.1 and HTTP/2.
func (f *fixture) bufferedTLS() {
	b := f.uploadBackend()
	f.apply("certificates", certificateSecret(f.t, "first", mutualHost)+certificateSecret(f.t, "second", ordinaryHost))
	f.apply("secure", fmt.Sprintf(strings.ReplaceAll(frontendRoute, "port: 3080", "port: %d"), b.port))
	post := func(ctx context.Context, version, host string, size int) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", io.MultiReader(bytes.NewReader(make([]byte, size))))
		if err != nil {
			return 0, err
		}
		response, err := tlsTransport(version).RoundTrip(request)
		if err == nil && response.Proto != version {
			return 0, fmt.Errorf("asked for %s and got %s", version, response.Proto)
		}
		return uploadStatus(response, err, size)
	}
	until := func(version, host string, size, want int) {
		f.t.Helper()
		f.wait(fmt.Sprintf("%d for %d bytes to %s by %s", want, size, host, version), func(ctx context.Context) error {
			got, err := post(ctx, version, host, size)
			if err == nil && got != want {
				err = fmt.Errorf("got %d", got)
			}
			return err
		})
	}
	until("HTTP/1.1", mutualHost, 8<<20, 200)
	f.bufferPolicy("for-https", "kind: Gateway, name: eg, sectionName: https", "maxRequestBytes: 64Ki")
	until("HTTP/1.1", mutualHost, bufferLimit+1, 413)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for size, want := range map[int]int{bufferLimit: 200, bufferLimit + 1: 413, 1 << 20: 413} {
			got, err := post(f.soon(), version, mutualHost, size)
			f.must(err)
			require.Equal(f.t, want, got, "%d bytes by %s", size, version)
		}
		got, err := post(f.soon(), version, ordinaryHost, 8<<20)
		f.must(err)
		require.Equal(f.t, 200, got, version)
	}
}

// tlsTransport returns a transport with one version of HTTP for the Gateway's TLS listeners.
func tlsTransport(version string) *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(version == "HTTP/1.1")
	protocols.SetHTTP2(version == "HTTP/2.0")
	return &http.Transport{
		DisableKeepAlives: true, Protocols: protocols,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificates are this test's
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, tlsAddress)
		},
	}
}

// bufferedRequests: declared lengths, 100-continue, upgrades, and requests that never complete.
func (f *fixture) bufferedRequests() {
	b := f.uploadBackend()
	held, free := f.uploads("held", "http", b), f.uploads("free", "http", b)
	f.bufferPolicy("for-held", "kind: HTTPRoute, name: held", "maxRequestBytes: 64Ki")
	f.untilUploaded(held, bufferLimit+1, 413)
	f.untilUploaded(held, 1, 200) // a 413 does not need the cluster
	f.untilUploaded(free, bufferLimit+1, 200)
	for size, want := range map[int]int{bufferLimit: 200, bufferLimit + 1: 413} {
		response, err := upload(f.soon(), held, "/", bytes.NewReader(make([]byte, size))) // with its length
		got, err := uploadStatus(response, err, size)
		f.must(err)
		require.Equal(f.t, want, got, size)
		got, err = f.expecting(held, size)
		f.must(err)
		require.Equal(f.t, want, got, size)
	}
	require.Equal(f.t, "length -1, [chunked]", f.length(free))
	require.Equal(f.t, "length 5, []", f.length(held))
	f.upgrades(held, free)
	f.neverComplete(held, b)
	f.afterAuthentication(held)
}

// length returns the length that the backend sees of a request whose client did not declare one.
func (f *fixture) length(host string) string {
	f.t.Helper()
	response, err := upload(f.soon(), host, "/length", io.MultiReader(strings.NewReader("12345")))
	f.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	f.must(err)
	return string(body)
}

// expecting sends a body after Envoy's 100 Continue, whatever its length.
func (f *fixture) expecting(host string, size int) (status int, err error) {
	f.t.Helper()
	goOn := false
	ctx := httptrace.WithClientTrace(f.soon(), &httptrace.ClientTrace{Got100Continue: func() { goOn = true }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+standalone.ListenerAddress+"/", bytes.NewReader(make([]byte, size)))
	f.must(err)
	request.Host = host
	request.Header.Set("Expect", "100-continue")
	response, err := (&http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}).RoundTrip(request)
	status, err = uploadStatus(response, err, size)
	require.True(f.t, goOn, "the client was not told to go on")
	return status, err
}

// upgrades: upgrade requests, which have no end, are rejected immediately on routes that buffer,
// and only there.
func (f *fixture) upgrades(held, free string) {
	f.t.Helper()
	require.Equal(f.t, 403, f.webSocket(held))
	require.Equal(f.t, 101, f.webSocket(free))
	f.bufferPolicy("for-all", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	f.untilUploaded(free, bufferLimit+1, 413)
	require.Equal(f.t, 403, f.webSocket(free))
	f.bufferPolicy("for-free", "kind: HTTPRoute, name: free", "disabled: true")
	f.untilUploaded(free, bufferLimit+1, 200)
	require.Equal(f.t, 101, f.webSocket(free))
}

// webSocket requests a WebSocket, and returns the status of the response.
func (f *fixture) webSocket(host string) int {
	f.t.Helper()
	status, err := begin(f.soon(), "GET /upgrade HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", host)
	f.must(err)
	return status
}

// begin sends the beginning of a request for a host, and returns the status of the response, which
// must arrive within seconds.
func begin(ctx context.Context, request, host string) (int, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", standalone.ListenerAddress)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := fmt.Fprintf(connection, request, host); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	return response.StatusCode, nil
}

// withoutEnd is the beginning of a request that never ends.
const withoutEnd = "POST /slow HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n\r\n1"

// afterAuthentication: nothing of an unauthenticated request is buffered.
func (f *fixture) afterAuthentication(host string) {
	f.t.Helper()
	f.apply("keys", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: keys, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: held}]
  apiKeyAuth: {credentialRefs: [{name: keys}], extractFrom: [{headers: [x-key]}]}
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: default}
data: {client: a2V5}
`)
	f.untilBegun(host, 401)
}

// untilBegun waits until the beginning of a request gets a response with the given status.
func (f *fixture) untilBegun(host string, want int) {
	f.t.Helper()
	f.wait(fmt.Sprintf("%d for the beginning of a request to %s", want, host), func(ctx context.Context) error {
		got, err := begin(ctx, withoutEnd, host)
		if err == nil && got != want {
			err = fmt.Errorf("got %d", got)
		}
		return err
	})
}

// neverComplete: Envoy Gateway's request timeout ends a request that never completes, and the
// backend does not see it.
func (f *fixture) neverComplete(host string, b *uploadBackend) {
	f.t.Helper()
	f.apply("received", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: received, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}]
  timeout: {http: {requestReceivedTimeout: 500ms}}
`)
	f.untilBegun(host, 408)
	require.Empty(f.t, b.began, "the backend was asked")
}
