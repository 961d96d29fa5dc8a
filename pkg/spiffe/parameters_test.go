package spiffe

import (
	"strings"
	"testing"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
)

func TestKeep(t *testing.T) {
	to := &tlsv3.CommonTlsContext{}
	require.NoError(t, Keep(&tlsv3.CommonTlsContext{}, to))
	from := &tlsv3.CommonTlsContext{AlpnProtocols: []string{"h2", "http/1.1"}, TlsParams: &tlsv3.TlsParameters{
		CipherSuites: append(strings.Fields(ciphers)[1:], "AES256-SHA"), EcdhCurves: strings.Fields(curves), SignatureAlgorithms: strings.Fields(signatures),
		TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2,
	}}
	require.NoError(t, Keep(from, to))
	require.Equal(t, from.AlpnProtocols, to.AlpnProtocols)
	require.Equal(t, from.TlsParams, to.TlsParams)
}

// TestKeepNothingThatEnvoyMayReject has values that Envoy Gateway 1.9.1 accepts and Envoy 1.39.1
// rejects, and protocols at which Envoy exits.
func TestKeepNothingThatEnvoyMayReject(t *testing.T) {
	for name, c := range map[string]struct {
		context *tlsv3.CommonTlsContext
		err     string
	}{
		"unknown cipher":    {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{CipherSuites: []string{"NULL-MD5"}}}, `TLS setting ciphers "NULL-MD5" is not supported: one of ECDHE-ECDSA`},
		"ciphers in one":    {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{CipherSuites: []string{"AES128-SHA:x"}}}, `TLS setting ciphers "AES128-SHA:x" is not supported`},
		"too many ciphers":  {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{CipherSuites: strings.Fields(ciphers + ciphers)}}, "too many values"},
		"unknown curve":     {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{EcdhCurves: []string{"P-224"}}}, `TLS setting ecdhCurves "P-224" is not supported: one of X25519, P-256, P-384, P-521, X25519MLKEM768: change it in its source (Backend, BackendTLSPolicy, EnvoyProxy or ClientTrafficPolicy)`},
		"curve twice":       {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{EcdhCurves: []string{"P-256", "P-256"}}}, `"P-256" occurs twice`},
		"unknown signature": {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{SignatureAlgorithms: []string{"Ed25519"}}}, `TLS setting signatureAlgorithms "Ed25519" is not supported`},
		"signature twice":   {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{SignatureAlgorithms: []string{"ed25519", "ed25519"}}}, "occurs twice"},
		"versions":          {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_3, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_2}}, `TLS setting minVersion "TLSv1_3" is above maxVersion TLSv1_2`},
		"empty protocol":    {&tlsv3.CommonTlsContext{AlpnProtocols: []string{"h2", ""}}, `TLS setting alpnProtocols "" is not the name of a protocol`},
		"protocols in one":  {&tlsv3.CommonTlsContext{AlpnProtocols: []string{"h2,,x"}}, `TLS setting alpnProtocols "h2,,x" is not the name`},
		"long protocol":     {&tlsv3.CommonTlsContext{AlpnProtocols: []string{strings.Repeat("x", 256)}}, "is not the name of a protocol"},
		"many protocols":    {&tlsv3.CommonTlsContext{AlpnProtocols: make([]string, 300)}, "exceed the limit of 32"},
		"policies":          {&tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{CompliancePolicies: []tlsv3.TlsParameters_CompliancePolicy{0, 0}}}, "are more than one"},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorContains(t, Keep(c.context, &tlsv3.CommonTlsContext{}), c.err) })
	}
}

func TestCheckSNI(t *testing.T) {
	for name, taken := range map[string]bool{"": true, "a.org": true, strings.Repeat("x", 255): true, strings.Repeat("x", 256): false, "a\x00b": false, "a b": false} {
		require.Equal(t, taken, CheckSNI(name) == nil, "%q", name)
	}
}

// TestKeepTakesWhatIsAtALimit: the limits themselves are accepted, but not one more.
func TestKeepTakesWhatIsAtALimit(t *testing.T) {
	protocols := make([]string, 33)
	for i := range protocols {
		protocols[i] = strings.Repeat("p", 255)
	}
	to := &tlsv3.CommonTlsContext{}
	require.NoError(t, Keep(&tlsv3.CommonTlsContext{AlpnProtocols: protocols[:32]}, to))
	require.EqualError(t, Keep(&tlsv3.CommonTlsContext{AlpnProtocols: append([]string{"a", "b"}, protocols[:31]...)}, to),
		`TLS setting alpnProtocols "a,b" and others exceed the limit of 32: change it in its source (Backend, BackendTLSPolicy, EnvoyProxy or ClientTrafficPolicy)`)
	one := &tlsv3.TlsParameters{
		TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2, TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_2,
		CompliancePolicies: []tlsv3.TlsParameters_CompliancePolicy{tlsv3.TlsParameters_FIPS_202205},
	}
	require.NoError(t, Keep(&tlsv3.CommonTlsContext{TlsParams: one}, to))
	require.NoError(t, CheckSNI(strings.Repeat("s", 255)))
	require.ErrorContains(t, CheckSNI(strings.Repeat("s", 256)), `TLS setting sni "`+strings.Repeat("s", 255)+`" is not a server name: at most 255 printable ASCII characters`)
	require.Error(t, CheckSNI("a b"))
	require.NoError(t, CheckSNI(""))
}
