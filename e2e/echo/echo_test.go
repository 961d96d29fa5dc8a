package echo_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/echo"
)

// me is the identity of the test process, as client and as server.
const me = "spiffe://example.org/me"

// issue serves SVIDs to this process and returns the socket.
func issue(t *testing.T) string {
	t.Helper()
	issuer, err := devspiffe.New(devspiffe.Config{TrustDomain: "example.org", Socket: filepath.Join(t.TempDir(), "s")})
	require.NoError(t, err)
	self, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	require.NoError(t, issuer.AddEntry(devspiffe.Entry{ID: me, Path: self}))
	require.NoError(t, issuer.Start())
	t.Cleanup(issuer.Stop)
	return issuer.Socket()
}

// freeAddress returns an address on which no process listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

// run runs a backend until the end of the test, and waits until it listens.
func run(t *testing.T, cfg echo.Config, address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- echo.Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		return err == nil && connection.Close() == nil
	}, 10*time.Second, 10*time.Millisecond)
}

// ask sends a request and returns the backend's report on it.
func ask(t *testing.T, url string, config *tls.Config) (echo.Answer, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Header.Set("X-Test", "value")
	response, err := client.Do(request)
	if err != nil {
		return echo.Answer{}, err
	}
	defer response.Body.Close()
	var out echo.Answer
	require.NoError(t, json.NewDecoder(response.Body).Decode(&out))
	return out, nil
}

func TestPlain(t *testing.T) {
	address := freeAddress(t)
	run(t, echo.Config{Plain: address}, address)
	got, err := ask(t, "http://"+address+"/path?query", nil)
	require.NoError(t, err)
	assert.Equal(t, "value", got.Headers["X-Test"])
	got.Headers = nil
	assert.Equal(t, echo.Answer{Proto: "HTTP/1.1", Path: "/path"}, got)
}

func TestClientCertificates(t *testing.T) {
	socket := issue(t)
	source, err := workloadapi.NewX509Source(t.Context(), workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+socket)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = source.Close() })
	with, without := tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeAny()), tlsconfig.TLSClientConfig(source, tlsconfig.AuthorizeAny())
	with.ServerName = "sni.example.org"
	cases := map[string]struct {
		clients  []string
		config   *tls.Config
		rejected bool
	}{
		"allowed by default":         {nil, with, false},
		"allowed by ID":              {[]string{"spiffe://example.org/other", me}, with, false},
		"allowed by trust domain":    {[]string{"spiffe://example.org"}, with, false},
		"another ID":                 {[]string{"spiffe://example.org/other"}, with, true},
		"another trust domain":       {[]string{"spiffe://example.com"}, with, true},
		"without a certificate":      {nil, without, true},
		"an ID that is only a start": {[]string{me + "/below"}, with, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			address := freeAddress(t)
			run(t, echo.Config{Listen: address, Socket: socket, Clients: c.clients}, address)
			got, err := ask(t, "https://"+address, c.config.Clone())
			if c.rejected {
				assert.Error(t, err) // the error depends on when the alert arrives
				return
			}
			require.NoError(t, err)
			svid, err := source.GetX509SVID()
			require.NoError(t, err)
			assert.Equal(t, svid.Certificates[0].SerialNumber.Text(16), got.Serial)
			got.Serial, got.Headers = "", nil
			assert.Equal(t, echo.Answer{Peer: me, Self: me, SNI: "sni.example.org", TLS: "1.3", Proto: "HTTP/2.0", Path: "/"}, got)
		})
	}
}

func TestMaxTLS(t *testing.T) {
	socket, address := issue(t), freeAddress(t)
	source, err := workloadapi.NewX509Source(t.Context(), workloadapi.WithClientOptions(workloadapi.WithAddr("unix://"+socket)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = source.Close() })
	run(t, echo.Config{Listen: address, Socket: socket, MaxTLS: "1.2"}, address)
	got, err := ask(t, "https://"+address, tlsconfig.MTLSClientConfig(source, source, tlsconfig.AuthorizeAny()))
	require.NoError(t, err)
	assert.Equal(t, "1.2", got.TLS)
}

func TestConfigurationErrors(t *testing.T) {
	socket := issue(t)
	cases := map[string]struct {
		cfg echo.Config
		err string
	}{
		"version": {echo.Config{Listen: "127.0.0.1:0", Socket: socket, MaxTLS: "1.1"}, `TLS version "1.1": want 1.2 or 1.3`},
		"client": {
			echo.Config{Listen: "127.0.0.1:0", Socket: socket, Clients: []string{"envoy"}},
			`client "envoy": scheme is missing or invalid`,
		},
		"certificate": {
			echo.Config{Ordinary: "127.0.0.1:0", Certificate: "/no", Key: "/no"},
			"load the ordinary certificate: open /no: no such file or directory",
		},
		"address": {echo.Config{Plain: "nowhere"}, "listen on nowhere: listen tcp: address nowhere: missing port in address"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { assert.EqualError(t, echo.Run(t.Context(), c.cfg), c.err) })
	}
}
