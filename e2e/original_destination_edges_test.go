//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestOriginalDestinationEdges tests edge cases: wide networks, IPv6, ports, TLS, and attempts to
// bypass the filters.
func TestOriginalDestinationEdges(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	f.run("wide networks and IPv6", (*fixture).destinationInWideNetworks)
	f.run("port", (*fixture).destinationWithPort)
	f.run("TLS", (*fixture).destinationWithTLS)
	f.run("route chosen again", (*fixture).destinationOfRouteChosenAgain)
	f.run("filter state", (*fixture).destinationInFilterState)
	f.run("metadata of the filters", (*fixture).destinationInOwnMetadata)
	f.run("filters beside the trusted one", (*fixture).destinationOfOthers)
	f.run("PROXY protocol", (*fixture).destinationBehindProxyProtocol)
	f.run("beside an ordinary backend", (*fixture).destinationBesideBackend)
}

// pool applies the documentation's example with a different backend spec.
func (f *fixture) pool(spec string) {
	f.t.Helper()
	const documented = "  allowedCIDRs:\n  - 127.0.0.1/32\n  - 127.0.0.2/32\n"
	example := f.poolExample()
	require.Contains(f.t, example, documented)
	f.route("pool", poolHost, strings.Replace(example, documented, spec, 1))
}

// answers checks the status of the response to a request for a destination.
func (f *fixture) answers(wanted string, want int) {
	f.t.Helper()
	status, body := f.ask(poolHost, "x-wanted", wanted)
	assert.Equal(f.t, want, status, "%s: %s", wanted, body)
}

// destinationInWideNetworks: all addresses except those that must be listed explicitly.
func (f *fixture) destinationInWideNetworks() {
	four, six, loopback := f.recorderAt("127.0.0.2:0"), f.recorderAt("[::1]:0"), f.recorder()
	f.pool("  allowedCIDRs: [0.0.0.0/0, '::/0', 127.0.0.2/32, '::1/128']\n")
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.2", four))
	f.answers(at("[::1]", six), 200)
	f.answers(at("[0:0:0:0:0:0:0:1]", six), 200)
	for _, host := range []string{
		"127.0.0.1", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
		"[2002:7f00:1::]", "169.254.169.254", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%lo]", "224.0.0.1", "[ff02::1]", "255.255.255.255",
	} {
		f.answers(at(host, loopback), 403)
	}
	require.Zero(f.t, loopback.connections.Load())
}

// destinationWithPort: the backend's port replaces the filter's.
func (f *fixture) destinationWithPort() {
	one, other := f.recorder(), f.recorder()
	f.pool(fmt.Sprintf("  port: %d\n  allowedCIDRs: [127.0.0.1/32]\n", one.port))
	f.untilAsked(poolHost, 200, "x-wanted", "127.0.0.1")
	before := one.connections.Load()
	f.answers(at("127.0.0.1", other), 200)
	f.answers("127.0.0.1:1", 200)
	f.answers("127.0.0.1:", 403)
	f.answers("127.0.0.3", 403)
	require.Equal(f.t, before+2, one.connections.Load())
	require.Zero(f.t, other.connections.Load())
}

// tlsBackend serves by TLS with its own certificate for a name, and records the SNI.
func (f *fixture) tlsBackend(name string) (port int, certificate string, sni *atomic.Value) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	f.must(err)
	sni = &atomic.Value{}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			sni.Store(hello.ServerName)
			return nil, nil
		},
	})
	f.must(err)
	server := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, recorded) }),
	}
	f.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().(*net.TCPAddr).Port, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), sni
}

// destinationWithTLS: Envoy accepts the destination's certificate only for the backend's configured
// name.
func (f *fixture) destinationWithTLS() {
	port, certificate, sni := f.tlsBackend("pool.internal")
	wanted := fmt.Sprintf("127.0.0.1:%d", port)
	bundle := "    caBundle: |\n      " + strings.ReplaceAll(strings.TrimSpace(certificate), "\n", "\n      ") + "\n"
	f.pool("  allowedCIDRs: [127.0.0.1/32]\n  tls:\n    hostname: pool.internal\n" + bundle)
	f.untilAsked(poolHost, 200, "x-wanted", wanted)
	require.Equal(f.t, "pool.internal", sni.Load())
	f.pool("  allowedCIDRs: [127.0.0.1/32]\n  tls:\n    hostname: other.internal\n" + bundle)
	f.untilAsked(poolHost, 503, "x-wanted", wanted)
	require.Equal(f.t, "other.internal", sni.Load())
}

// destinationOfRouteChosenAgain: a filter of the Gateway selects the destination and then makes
// Envoy select the route again, which then is the backend's. The first route was not, so a client's
// header was not removed before the filter, and no header is trusted.
func (f *fixture) destinationOfRouteChosenAgain() {
	const header = "x-gateway-destination-endpoint"
	one, outside, plain := f.recorder(), f.recorderAt("127.0.0.3:0"), f.recorder()
	f.routes(plain.route("pool", ""))
	f.chosenAgain("again-header", "{header: {name: "+header+", filter: envoy.filters.http.lua}}", `handle:headers():replace("`+header+`", wanted)`)
	for _, headers := range [][]string{
		{"x-choose", "1"},
		{"x-choose", "1", "x-wanted", at("127.0.0.1", one)},
		{"x-choose", "1", "x-wanted", at("127.0.0.3", outside)},
		{"x-choose", "1", header, at("127.0.0.1", one)},
		{"x-choose", "1", header, at("127.0.0.3", outside)},
		{"x-model", "large", header, at("127.0.0.1", one)},
	} {
		f.untilAsked(poolHost, 403, headers...)
	}
	require.Zero(f.t, one.connections.Load()+outside.connections.Load())
	f.untilAsked(poolHost, 200, "x-model", "large", "x-wanted", at("127.0.0.1", one)) // on the backend's route from the start

	f.chosenAgain("again-metadata", "{metadata: {}}", setDestination)
	f.untilAsked(poolHost, 200, "x-choose", "1", "x-wanted", at("127.0.0.1", one))
	before := one.connections.Load()
	for _, headers := range [][]string{
		{"x-choose", "1"},
		{"x-choose", "1", "x-wanted", at("127.0.0.3", outside)},
		{"x-choose", "1", header, at("127.0.0.1", one)},
	} {
		status, body := f.ask(poolHost, headers...)
		assert.Equal(f.t, 403, status, "%s: %s", headers, body)
	}
	require.Equal(f.t, before, one.connections.Load())
	require.Zero(f.t, outside.connections.Load())
}

// chosenAgain applies a backend with a source, and a script of the Gateway that selects a
// destination and the backend's route.
func (f *fixture) chosenAgain(name, source, choose string) {
	f.t.Helper()
	f.route("again", poolHost, `
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {name: `+name+`, namespace: default}
spec:
  source: `+source+`
  allowedCIDRs: [127.0.0.1/32]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: again, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [`+poolHost+`]
  rules:
  - matches: [{headers: [{name: x-model, value: large}]}]
    backendRefs: [{group: egraft.io, kind: OriginalDestinationBackend, name: `+name+`}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: again, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  lua:
  - type: Inline
    inline: |
      function envoy_on_request(handle)
        local wanted = handle:headers():get("x-wanted")
        if handle:headers():get("x-choose") then -- a header that a script sets makes Envoy choose again
          handle:headers():replace("x-model", "large")
        end
        if wanted then
          `+choose+`
        end
      end
`)
}

// destinationInFilterState: Envoy uses filter state in preference to metadata, so users' filters
// must not be able to bypass the networks with it.
func (f *fixture) destinationInFilterState() {
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	const set = `handle:streamInfo():dynamicMetadata():set("egraft.io", "destination", wanted)`
	example := f.poolExample()
	require.Contains(f.t, example, set)
	f.route("pool", poolHost, strings.Replace(example, set, set+`
          local state = handle:headers():get("x-state")
          if state then
            pcall(function()
              local key = "envoy.network.transport_socket.original_dst_address"
              handle:streamInfo():filterState():set(key, key, state)
            end)
          end`, 1))
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	status, body := f.ask(poolHost, "x-wanted", at("127.0.0.1", one), "x-state", at("127.0.0.3", outside))
	require.Equal(f.t, "200 "+recorded, fmt.Sprint(status, " ", body), "the destination in metadata")
	require.Zero(f.t, outside.connections.Load(), "a connection to what is not allowed")
}

// destinationBehindProxyProtocol: without a destination, Envoy would use the address in the PROXY
// protocol header.
func (f *fixture) destinationBehindProxyProtocol() {
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	f.pool("  allowedCIDRs: [127.0.0.1/32]\n")
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	f.proxyProtocol()
	f.wait("the PROXY protocol", func(ctx context.Context) error {
		return f.asProxy(ctx, outside.port, at("127.0.0.1", one), 200)
	})
	for _, wanted := range []string{"", "garbage", "[127.0.0.1]:80", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "[::1:80"} {
		assert.NoError(f.t, f.asProxy(f.soon(), outside.port, wanted, 403), wanted)
	}
	require.Zero(f.t, outside.connections.Load(), "connections to the address of the PROXY protocol")
	f.must(f.env.Delete(f.ctx, "proxy-protocol"))
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
}

// proxyProtocol makes the listener require the header.
func (f *fixture) proxyProtocol() {
	f.t.Helper()
	f.apply("proxy-protocol", `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: {name: proxy-protocol, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}]
  proxyProtocol: {}
`)
}

// asProxy sends a request behind a PROXY protocol header with a destination at 127.0.0.3.
func (f *fixture) asProxy(ctx context.Context, port int, wanted string, want int) error {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", standalone.ListenerAddress)
	if err != nil {
		return err
	}
	defer connection.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = connection.SetDeadline(deadline)
	}
	_, err = fmt.Fprintf(connection, "PROXY TCP4 192.0.2.1 127.0.0.3 1234 %d\r\nGET / HTTP/1.1\r\nHost: %s\r\nX-Wanted: %s\r\nConnection: close\r\n\r\n",
		port, poolHost, wanted)
	if err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != want {
		return fmt.Errorf("%q was answered with %s", wanted, response.Status)
	}
	return nil
}

// destinationBesideBackend: as documented, if a rule also has an ordinary backend, all requests go
// to the destination.
func (f *fixture) destinationBesideBackend() {
	one, ordinary := f.recorder(), f.recorder()
	example := strings.Replace(f.poolExample(), "      name: pool\n---", fmt.Sprintf(`      name: pool
    - group: gateway.envoyproxy.io
      kind: Backend
      name: ordinary
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: ordinary, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
---`, ordinary.port), 1)
	f.route("pool", poolHost, example)
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	for range 10 {
		f.answers(at("127.0.0.1", one), 200)
		f.answers("garbage", 403)
	}
	require.Zero(f.t, ordinary.connections.Load())
}
