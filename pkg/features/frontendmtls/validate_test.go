package frontendmtls

import (
	"strings"
	"testing"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// valid is a valid policy; the tests replace a line of it.
const valid = `apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {name: p, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  clients: [{exact: spiffe://example.org/client}]
`

const clients = "  clients: [{exact: spiffe://example.org/client}]\n"

// read decodes and validates a policy as a hook call does.
func read(t *testing.T, text string) *policy.Object {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	s, err := policy.NewSet(New().Policies, [][]byte{raw})
	require.NoError(t, err)
	require.Len(t, s.Of(gvk), 1)
	return s.Of(gvk)[0]
}

func TestDefaults(t *testing.T) {
	o := read(t, valid)
	require.NoError(t, o.Err)
	s := policy.As[v1alpha1.FrontendMTLSPolicy](o).Spec
	require.Equal(t, v1alpha1.ClientCertificatesRequired, s.ClientCertificates)
	require.Equal(t, v1alpha1.PlaintextListenersDeny, s.PlaintextListeners)
	require.Equal(t, v1alpha1.TrustBundleFormatSPIFFE, s.TrustBundleFormat)
	require.Equal(t, "Sanitize", s.XForwardedClientCert.Mode)
	require.Equal(t, []v1alpha1.TrustDomain{"example.org"}, s.TrustBundles)
	require.EqualValues(t, "2s", s.InitialFetchTimeout)
}

// TestPoliciesThatAreWrong: the tests of other kinds cover shared fields, and package crds every
// rule of the CRD.
func TestPoliciesThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct{ with, err string }{
		"nobody named":               {"", "spec.clients: Required value: name the clients, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"},
		"nobody named, optional":     {"  clientCertificates: Optional\n  trustBundleFormat: CertificateAuthorities\n", "spec.clients: Required value: name the clients, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"},
		"clients and any":            {clients + "  allowAnyInTrustDomain: true\n", "spec.clients: Forbidden: allowAnyInTrustDomain is true: use one of the two"},
		"disabled with clients":      {clients + "  clientCertificates: Disabled\n", "spec.clients: Forbidden: clientCertificates is Disabled, so Envoy does not request client certificates: omit clients and allowAnyInTrustDomain"},
		"disabled with any":          {"  allowAnyInTrustDomain: true\n  clientCertificates: Disabled\n", "spec.clients: Forbidden: clientCertificates is Disabled, so Envoy does not request client certificates: omit clients and allowAnyInTrustDomain"},
		"unknown demand":             {clients + "  clientCertificates: Wanted\n", `spec.clientCertificates: Unsupported value: "Wanted": supported values: "Required", "Optional", "Disabled"`},
		"optional with SPIFFE":       {clients + "  clientCertificates: Optional\n", `spec.trustBundleFormat: Invalid value: "SPIFFE": clientCertificates is Optional, and with bundles in SPIFFE's format, Envoy requires a certificate from every client: configure the agent to send certificate authorities (disable_spiffe_cert_validation in its configuration or in the metadata of Envoy's node), and set CertificateAuthorities`},
		"unknown format":             {clients + "  trustBundleFormat: PEM\n", `spec.trustBundleFormat: Unsupported value: "PEM": supported values: "SPIFFE", "CertificateAuthorities"`},
		"authorities of two domains": {clients + "  trustBundleFormat: CertificateAuthorities\n  trustBundles: [example.org, other.org]\n", `spec.trustBundleFormat: Invalid value: "CertificateAuthorities": is for one trust domain in trustBundles: Envoy would not know which authority may sign IDs of which domain`},
		"unknown plaintext":          {clients + "  plaintextListeners: Redirect\n", `spec.plaintextListeners: Unsupported value: "Redirect": supported values: "Deny", "Leave"`},
		"other domain":               {"  clients: [{exact: spiffe://other.org/client}]\n", `spec.clients[0].exact: Invalid value: "spiffe://other.org/client": must begin with spiffe://, the literal name of a trust domain in trustBundles (by default: trustDomain) and a slash; in a regex, escape the dots`},
		"unknown mode":               {clients + "  xForwardedClientCert: {mode: Set}\n", `spec.xForwardedClientCert.mode: Unsupported value: "Set": supported values: "Sanitize", "ForwardOnly", "AppendForward", "SanitizeSet", "AlwaysForwardOnly"`},
		"details of no use":          {clients + "  xForwardedClientCert: {certDetailsToAdd: [URI]}\n", "spec.xForwardedClientCert.certDetailsToAdd: Forbidden: requires mode AppendForward or SanitizeSet"},
		"unknown detail":             {clients + "  xForwardedClientCert: {mode: SanitizeSet, certDetailsToAdd: [Serial]}\n", `spec.xForwardedClientCert.certDetailsToAdd[0]: Unsupported value: "Serial": supported values: "Subject", "Cert", "Chain", "DNS", "URI"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.EqualError(t, read(t, strings.Replace(valid, clients, c.with, 1)).Err, c.err)
		})
	}
}

// TestNobodyIsAcceptedByChance: the last check before a listener that would accept every workload,
// for a policy that passed validation without clients.
func TestNobodyIsAcceptedByChance(t *testing.T) {
	s := policy.As[v1alpha1.FrontendMTLSPolicy](read(t, valid)).Spec
	require.NoError(t, present(&tlsv3.DownstreamTlsContext{}, &s, true))
	require.NoError(t, authorizeClients(&hcmv3.HttpConnectionManager{HttpFilters: []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router"}}}, spiffe.Matchers(s.Clients, s.TrustBundles), true))
	s.Clients = []v1alpha1.SPIFFEIDMatch{{}}
	require.ErrorIs(t, authorizeClients(&hcmv3.HttpConnectionManager{}, spiffe.Matchers(s.Clients, s.TrustBundles), true), spiffe.ErrNoURIMatcher)
	require.ErrorIs(t, authorizeClients(&hcmv3.HttpConnectionManager{}, nil, false), spiffe.ErrNoURIMatcher)
	require.ErrorIs(t, present(&tlsv3.DownstreamTlsContext{}, &s, true), spiffe.ErrNoURIMatcher)
}
