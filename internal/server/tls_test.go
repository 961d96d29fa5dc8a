package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// authority issues certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// sign completes and signs a template. It self-signs if the authority has no key yet.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template.Subject = pkix.Name{CommonName: "test"}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert, key
}

// issue writes a certificate for 127.0.0.1 and its key.
func (a *authority) issue(t *testing.T, certFile, keyFile string) {
	t.Helper()
	cert, key := a.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	writePEM(t, certFile, "CERTIFICATE", cert.Raw)
	writePEM(t, keyFile, "EC PRIVATE KEY", der)
}

func (a *authority) write(t *testing.T, file string) { writePEM(t, file, "CERTIFICATE", a.cert.Raw) }

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
}

// client returns credentials that trust the authority, with optional client certificates.
func (a *authority) client(certificates ...tls.Certificate) credentials.TransportCredentials {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: certificates})
}

// identity returns a client certificate that the authority issued.
func (a *authority) identity(t *testing.T) tls.Certificate {
	t.Helper()
	cert, key := a.sign(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// files returns the files of a server.
func files(t *testing.T) *TCP {
	dir := t.TempDir()
	return &TCP{Address: "127.0.0.1:0", CertFile: filepath.Join(dir, "tls.crt"), KeyFile: filepath.Join(dir, "tls.key")}
}

func TestCertificateIsReadAgain(t *testing.T) {
	before, after, tcp := newAuthority(t), newAuthority(t), files(t)
	before.issue(t, tcp.CertFile, tcp.KeyFile)
	i := start(t, func(c *Config) { c.Socket, c.TCP = nil, tcp })
	_, err := i.call(t, before.client())
	require.NoError(t, err)

	after.issue(t, tcp.CertFile, tcp.KeyFile)
	_, err = i.call(t, after.client())
	require.NoError(t, err)
	_, err = i.call(t, before.client())
	require.ErrorContains(t, err, "certificate signed by unknown authority")

	require.NoError(t, os.WriteFile(tcp.KeyFile, []byte("half a k"), 0o600))
	_, err = i.call(t, after.client())
	require.NoError(t, err, "the last good certificate")
	line := i.log.wait(t, "reload failed, using last valid certificates")
	require.NotContains(t, line["error"], "half a k")
}

func TestClientCertificates(t *testing.T) {
	servers, clients, others, tcp := newAuthority(t), newAuthority(t), newAuthority(t), files(t)
	tcp.ClientCAFile = filepath.Join(t.TempDir(), "ca.crt")
	servers.issue(t, tcp.CertFile, tcp.KeyFile)
	clients.write(t, tcp.ClientCAFile)
	i := start(t, func(c *Config) { c.Socket, c.TCP = nil, tcp })
	_, err := i.call(t, servers.client(clients.identity(t)))
	require.NoError(t, err)
	_, err = i.call(t, servers.client())
	require.Equal(t, codes.Unavailable, status.Code(err), "without a certificate")
	_, err = i.call(t, servers.client(others.identity(t)))
	require.Equal(t, codes.Unavailable, status.Code(err), "with one of somebody else")
	_, err = i.call(t)
	require.Error(t, err, "without TLS")

	others.write(t, tcp.ClientCAFile)
	_, err = i.call(t, servers.client(others.identity(t)))
	require.NoError(t, err, "authorities are read again")
}

func TestPlainTCPWarns(t *testing.T) {
	i := start(t, func(c *Config) { c.Socket, c.TCP = nil, &TCP{Address: "127.0.0.1:0", Insecure: true} })
	_, err := i.call(t)
	require.NoError(t, err)
	line := i.log.wait(t, "serving without TLS, anyone on the network path can read and modify calls")
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, i.addr.String(), line["address"])
}

func TestNewErrors(t *testing.T) {
	good := files(t)
	newAuthority(t).issue(t, good.CertFile, good.KeyFile)
	tests := []struct {
		name   string
		change func(*Config)
		err    string
	}{
		{"nowhere", func(c *Config) { c.Socket = nil }, "server needs either a socket or a TCP address"},
		{"both", func(c *Config) { c.TCP = &TCP{Insecure: true} }, "server needs either a socket or a TCP address"},
		{"no service", func(c *Config) { c.Register = nil }, "server needs a service and a logger"},
		{"no limit", func(c *Config) { c.CallTimeout = 0 }, "server needs limits for the size and the time of calls"},
		{"no certificate", func(c *Config) { c.Socket, c.TCP = nil, &TCP{} }, "TCP needs a certificate and its key, or to be insecure"},
		{
			"insecure with certificate", func(c *Config) { c.Socket, c.TCP = nil, &TCP{Insecure: true, CertFile: "x"} },
			"TCP cannot be insecure and have certificates",
		},
		{
			"missing file", func(c *Config) { c.Socket, c.TCP = nil, &TCP{CertFile: "/no/crt", KeyFile: "/no/key"} },
			`read server certificate "/no/crt" and key "/no/key": open /no/crt: no such file or directory`,
		},
		{"missing authorities", func(c *Config) {
			tcp := *good
			tcp.ClientCAFile = "/no/ca"
			c.Socket, c.TCP = nil, &tcp
		}, `read authorities of client certificates: open /no/ca: no such file or directory`},
		{"authorities that are none", func(c *Config) {
			tcp := *good
			tcp.ClientCAFile = good.KeyFile
			c.Socket, c.TCP = nil, &tcp
		}, `read authorities of client certificates "` + good.KeyFile + `": no certificate found`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := testConfig(t, &lines{})
			test.change(&cfg)
			_, err := New(cfg)
			require.EqualError(t, err, test.err)
		})
	}
}
