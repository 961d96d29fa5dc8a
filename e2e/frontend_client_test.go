//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/echo"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// tlsAddress is the address of the Gateway's TLS listeners.
const tlsAddress = "127.0.0.1:8443"

// tlsClient is a TLS client of the Gateway, with or without a certificate.
type tlsClient struct{ certificate *tls.Certificate }

// tlsResponse is a response, and the certificate that Envoy presented.
type tlsResponse struct {
	status int
	echo   echo.Answer
	server *x509.Certificate
}

// get sends a request on a new connection. The caller must check the certificate that Envoy
// presents.
func (c tlsClient) get(ctx context.Context, host string, header http.Header) (*tlsResponse, error) {
	out := &tlsResponse{}
	config := c.config(host)
	config.VerifyConnection = func(s tls.ConnectionState) error {
		out.server = s.PeerCertificates[0]
		return nil
	}
	transport := &http.Transport{
		DisableKeepAlives: true, Proxy: nil, TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, tlsAddress)
		},
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/", nil)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	out.status = response.StatusCode
	body, err := io.ReadAll(response.Body)
	if err != nil || out.status != http.StatusOK {
		return out, err
	}
	return out, json.Unmarshal(body, &out.echo)
}

// config presents the certificate even if Envoy does not list its authority.
func (c tlsClient) config(host string) *tls.Config {
	config := &tls.Config{ServerName: host, InsecureSkipVerify: true} //nolint:gosec // the caller checks the certificate
	if c.certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.certificate, nil }
	}
	return config
}

// rejection connects and returns the error that ends the connection. In TLS 1.3, a client learns
// about the rejection of its certificate when it reads.
func (c tlsClient) rejection(ctx context.Context, host string) error {
	conn, err := (&tls.Dialer{Config: c.config(host)}).DialContext(ctx, "tcp", tlsAddress)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 1))
	return err
}

// id returns the SPIFFE ID that Envoy presented.
func (r *tlsResponse) id() string {
	if len(r.server.URIs) == 0 {
		return ""
	}
	return r.server.URIs[0].String()
}

// svidClients returns clients with SVIDs of this process, by the paths of their SPIFFE IDs.
func svidClients(ctx context.Context, socket string, paths ...string) (map[string]tlsClient, error) {
	svids, err := workloadapi.FetchX509SVIDs(ctx, workloadapi.WithAddr("unix://"+socket))
	if err != nil {
		return nil, err
	}
	out := map[string]tlsClient{}
	for _, svid := range svids {
		certificate := tls.Certificate{PrivateKey: svid.PrivateKey}
		for _, c := range svid.Certificates {
			certificate.Certificate = append(certificate.Certificate, c.Raw)
		}
		out[svid.ID.Path()] = tlsClient{&certificate}
	}
	for _, path := range paths {
		if _, there := out[path]; !there {
			return nil, fmt.Errorf("no SVID for %s among %d", manifest.ID(path), len(svids))
		}
	}
	return out, nil
}

// svidsFor returns [svidClients] for new entries, by the paths.
func (f *fixture) svidsFor(paths ...string) (out map[string]tlsClient) {
	f.t.Helper()
	program, err := os.Executable()
	f.must(err)
	var entries []standalone.Entry
	for _, path := range paths {
		entries = append(entries, standalone.Entry{Path: path, Executable: program})
	}
	f.must(f.SPIFFE.AddEntries(f.soon(), entries...))
	f.wait("the clients' SVIDs", func(ctx context.Context) (err error) {
		out, err = svidClients(ctx, f.SPIFFE.Socket(), paths...)
		return err
	})
	return out
}

// selfSigned returns a client with a self-signed certificate for the SPIFFE ID.
func selfSigned(t *testing.T, id string) tlsClient {
	t.Helper()
	uri, err := url.Parse(id)
	require.NoError(t, err)
	der, key := certify(t, &x509.Certificate{URIs: []*url.URL{uri}})
	return tlsClient{&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}}
}

// dialer connects to the Gateway and reports whether it resumed a session.
func dialer(config *tls.Config, resumed *bool) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", tlsAddress)
		if err == nil {
			*resumed = conn.(*tls.Conn).ConnectionState().DidResume
		}
		return conn, err
	}
}

// certify signs a certificate with its own key.
func certify(t *testing.T, template *x509.Certificate) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber = big.NewInt(1)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return der, key
}

// certificateSecret returns a Secret with a certificate for a host.
func certificateSecret(t *testing.T, name, host string) string {
	t.Helper()
	certificate, key := certify(t, &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{host}})
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	encode := func(kind string, der []byte) string {
		return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return fmt.Sprintf(`---
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: default}
type: kubernetes.io/tls
data:
  tls.crt: %s
  tls.key: %s
`, name, encode("CERTIFICATE", certificate), encode("PRIVATE KEY", private))
}
