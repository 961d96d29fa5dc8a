package devspiffe_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/egraft/egraft/e2e/devspiffe"
)

const (
	envoyID = "spiffe://example.org/envoy"
	otherID = "spiffe://example.org/other"
)

// start serves an issuer on a new socket.
func start(t *testing.T) *devspiffe.Issuer {
	t.Helper()
	dir, err := os.MkdirTemp("", "ds") //nolint:usetesting // t.TempDir is too long for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	issuer, err := devspiffe.New(devspiffe.Config{TrustDomain: "example.org", Socket: filepath.Join(dir, "s")})
	if err != nil {
		t.Fatal(err)
	}
	if err := issuer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Stop)
	return issuer
}

// entry entitles this test's process to an SVID.
func entry(t *testing.T, id string) devspiffe.Entry {
	t.Helper()
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	return devspiffe.Entry{ID: id, Path: path}
}

func entitle(t *testing.T, issuer *devspiffe.Issuer, entry devspiffe.Entry) {
	t.Helper()
	if err := issuer.AddEntry(entry); err != nil {
		t.Fatal(err)
	}
}

// client is an SDS client like Envoy.
type client struct {
	t      *testing.T
	sds    secretv3.SecretDiscoveryServiceClient
	stream secretv3.SecretDiscoveryService_StreamSecretsClient
}

func connect(t *testing.T, issuer *devspiffe.Issuer) *client {
	t.Helper()
	connection, err := grpc.NewClient("unix://"+issuer.Socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return &client{t: t, sds: secretv3.NewSecretDiscoveryServiceClient(connection)}
}

// fetch requests names once.
func (c *client) fetch(names ...string) (map[string]*tlsv3.Secret, error) {
	response, err := c.sds.FetchSecrets(c.t.Context(), &discoveryv3.DiscoveryRequest{ResourceNames: names})
	if err != nil {
		return nil, err
	}
	return c.secrets(response), nil
}

// subscribe opens a stream for names.
func (c *client) subscribe(names ...string) {
	c.t.Helper()
	stream, err := c.sds.StreamSecrets(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	if err := stream.Send(&discoveryv3.DiscoveryRequest{ResourceNames: names}); err != nil {
		c.t.Fatal(err)
	}
	c.stream = stream
}

// next receives the next response of the stream and acknowledges it.
func (c *client) next() (map[string]*tlsv3.Secret, error) {
	response, err := c.stream.Recv()
	if err != nil {
		return nil, err
	}
	secrets := c.secrets(response)
	names := slices.Collect(func(yield func(string) bool) {
		for name := range secrets {
			if !yield(name) {
				return
			}
		}
	})
	return secrets, c.stream.Send(&discoveryv3.DiscoveryRequest{
		ResourceNames: names, VersionInfo: response.GetVersionInfo(), ResponseNonce: response.GetNonce(),
	})
}

func (c *client) mustNext() map[string]*tlsv3.Secret {
	c.t.Helper()
	secrets, err := c.next()
	if err != nil {
		c.t.Fatal(err)
	}
	return secrets
}

func (c *client) secrets(response *discoveryv3.DiscoveryResponse) map[string]*tlsv3.Secret {
	c.t.Helper()
	out := map[string]*tlsv3.Secret{}
	for _, resource := range response.GetResources() {
		secret := &tlsv3.Secret{}
		if err := resource.UnmarshalTo(secret); err != nil {
			c.t.Fatal(err)
		}
		out[secret.GetName()] = secret
	}
	return out
}

// leaf returns the certificate of a secret.
func leaf(t *testing.T, secret *tlsv3.Secret) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(secret.GetTlsCertificate().GetCertificateChain().GetInlineBytes())
	if block == nil {
		t.Fatalf("no certificate in %v", secret)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// domains returns the trust domains of a bundle, or "plain" for a plain one.
func domains(t *testing.T, secret *tlsv3.Secret) []string {
	t.Helper()
	validation := secret.GetValidationContext()
	if validation.GetTrustedCa() != nil {
		return []string{"plain"}
	}
	config := &tlsv3.SPIFFECertValidatorConfig{}
	if err := validation.GetCustomValidatorConfig().GetTypedConfig().UnmarshalTo(config); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, domain := range config.GetTrustDomains() {
		out = append(out, domain.GetName())
	}
	return out
}

// within sets a timeout for tests that would otherwise hang on failure.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, fmt.Errorf("%s waited in vain", t.Name()))
	t.Cleanup(cancel)
	return ctx
}
