//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// notFast is between the two seconds of a fast update, which can become several on a busy machine,
// and the 15 for which Envoy waits for endpoints.
const notFast = 10 * time.Second

// TestFastClusterUpdates: a change unrelated to egraft's policies (the host name that Envoy
// requests from a backend) is active as fast as docs/fast-cluster-updates.md states, and no request
// fails meanwhile.
func TestFastClusterUpdates(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Egraft: []string{"--fast-cluster-updates"}})
	took := f.otherHostname()
	t.Logf("a BackendTLSPolicy reached traffic after %s", took)
	require.Less(t, took, notFast)
}

// TestWithoutFastClusterUpdates: without the option, the same change takes long.
func TestWithoutFastClusterUpdates(t *testing.T) {
	needs(t, here)
	experiment(t)
	f := start(t, standalone.Options{})
	took := f.otherHostname()
	t.Logf("a BackendTLSPolicy reached traffic after %s", took)
	require.Greater(t, took, notFast)
}

// otherHostname changes the host name in a route's BackendTLSPolicy, and returns how long it takes
// until Envoy requests it from the backend.
func (f *fixture) otherHostname() time.Duration {
	f.t.Helper()
	names := []string{"first.example.org", "second.example.org"}
	port, ca := f.ordinaryBackend(names...)
	route := manifest.Route{Name: "ordinary", Port: port, CA: ca, Hostname: names[0]}
	f.routes(route)
	f.until(route.Host(), "the first name", sni(names[0]))
	others := f.traffic(route.Host())
	route.Hostname = names[1]
	begin := time.Now()
	f.must(f.ApplyRoutes(f.ctx, route))
	f.until(route.Host(), "the second name", sni(names[1]))
	took := time.Since(begin)
	others.mustAllBeServed()
	return took
}

func sni(name string) func(*envoy.Response) bool {
	return func(r *envoy.Response) bool { return r.Status == 200 && r.Echo != nil && r.Echo.SNI == name }
}

// ordinaryBackend uses TLS with a self-signed certificate for some names, and requires none from
// clients.
func (f *fixture) ordinaryBackend(names ...string) (port int, ca []byte) {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	f.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	f.must(err)
	server := &http.Server{
		Handler: echo.Handler(func() string { return "" }), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12},
	}
	server.SetKeepAlivesEnabled(false)
	server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // HTTP/1.1: closing a connection does not reject the next request
	f.t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return listener.Addr().(*net.TCPAddr).Port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
