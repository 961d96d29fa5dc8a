package spiffe

import (
	"fmt"
	"slices"
	"strings"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// TLS settings from other resources that a context may keep. Envoy accepts each of them, and all of
// them together. Ciphers are the ones that Envoy Gateway documents. Curves and signature algorithms
// have BoringSSL's names, and must not occur twice.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/tls.go
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/transport_sockets/tls/v3/common.proto
const (
	ciphers = ` ECDHE-ECDSA-AES128-GCM-SHA256 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ECDHE-RSA-AES128-GCM-SHA256 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
 ECDHE-ECDSA-AES256-GCM-SHA384 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ECDHE-RSA-AES256-GCM-SHA384 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
 ECDHE-ECDSA-CHACHA20-POLY1305 TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 ECDHE-RSA-CHACHA20-POLY1305 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
 ECDHE-ECDSA-AES128-SHA TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA ECDHE-RSA-AES128-SHA TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
 ECDHE-ECDSA-AES256-SHA TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA ECDHE-RSA-AES256-SHA TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
 AES128-GCM-SHA256 TLS_RSA_WITH_AES_128_GCM_SHA256 AES256-GCM-SHA384 TLS_RSA_WITH_AES_256_GCM_SHA384
 AES128-SHA TLS_RSA_WITH_AES_128_CBC_SHA AES256-SHA TLS_RSA_WITH_AES_256_CBC_SHA `
	curves     = ` X25519 P-256 P-384 P-521 X25519MLKEM768 `
	signatures = ` ecdsa_secp256r1_sha256 ecdsa_secp384r1_sha384 ecdsa_secp521r1_sha512 ecdsa_sha1 ed25519
 rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 rsa_pkcs1_sha256 rsa_pkcs1_sha384 rsa_pkcs1_sha512 rsa_pkcs1_sha1 `
	maxALPN = 32
	maxSNI  = 255
)

// Envoy joins protocols by commas, and its process exits if one of several is empty.
var (
	alpnProtocol = onceUsed(func() string { return `^[!-+\--~]{1,255}$` })
	serverName   = onceUsed(func() string { return `^[!-~]*$` })
)

// ParameterError is a TLS setting of a Backend, BackendTLSPolicy, EnvoyProxy or
// ClientTrafficPolicy that Envoy might reject.
type ParameterError struct{ setting, value, cause string }

func (e *ParameterError) Error() string {
	return fmt.Sprintf("TLS setting %s %q %s: change it in its source (Backend, BackendTLSPolicy, EnvoyProxy or ClientTrafficPolicy)", e.setting, e.value, e.cause)
}

// Keep copies protocols and TLS parameters, which other resources set, from a context that Envoy
// Gateway generated. Envoy builds a context when its secret arrives, in a callback that all contexts
// with the secret share: if it rejects one, later contexts do not get the secret. A setting that Envoy
// might reject is therefore a [ParameterError].
func Keep(from, to *tlsv3.CommonTlsContext) error {
	if err := checkALPN(from.GetAlpnProtocols()); err != nil {
		return err
	}
	to.AlpnProtocols = from.GetAlpnProtocols()
	p := from.GetTlsParams()
	if p == nil {
		return nil
	}
	if err := checkParameters(p); err != nil {
		return err
	}
	to.TlsParams = p
	return nil
}

func checkALPN(protocols []string) error {
	if len(protocols) > maxALPN {
		return &ParameterError{"alpnProtocols", strings.Join(protocols[:2], ","), fmt.Sprintf("and others exceed the limit of %d", maxALPN)}
	}
	for _, p := range protocols {
		if !alpnProtocol().MatchString(p) {
			return &ParameterError{"alpnProtocols", p, "is not the name of a protocol: 1 to 255 printable ASCII characters without spaces and commas"}
		}
	}
	return nil
}

func checkParameters(p *tlsv3.TlsParameters) error {
	lowest, highest := p.GetTlsMinimumProtocolVersion(), p.GetTlsMaximumProtocolVersion()
	if highest != tlsv3.TlsParameters_TLS_AUTO && lowest > highest {
		return &ParameterError{"minVersion", lowest.String(), "is above maxVersion " + highest.String()}
	}
	if len(p.GetCompliancePolicies()) > 1 {
		return &ParameterError{"compliance_policies", fmt.Sprint(p.GetCompliancePolicies()), "are more than one"}
	}
	for _, list := range []struct {
		setting, known string
		values         []string
		twice          bool // whether Envoy accepts duplicates
	}{
		{"ciphers", ciphers, p.GetCipherSuites(), true},
		{"ecdhCurves", curves, p.GetEcdhCurves(), false},
		{"signatureAlgorithms", signatures, p.GetSignatureAlgorithms(), false},
	} {
		if err := checkList(list.setting, list.known, list.values, list.twice); err != nil {
			return err
		}
	}
	return nil
}

func checkList(setting, known string, values []string, twice bool) error {
	all := strings.Fields(known)
	if len(values) > len(all) {
		return &ParameterError{setting, values[0], "is one of too many values"}
	}
	seen := map[string]bool{}
	for _, v := range values {
		switch {
		case !slices.Contains(all, v):
			return &ParameterError{setting, v, "is not supported: one of " + strings.Join(all, ", ")}
		case seen[v] && !twice:
			return &ParameterError{setting, v, "occurs twice, which Envoy rejects"}
		}
		seen[v] = true
	}
	return nil
}

// CheckSNI returns a [ParameterError] unless Envoy accepts the name.
func CheckSNI(name string) error {
	if len(name) > maxSNI || !serverName().MatchString(name) {
		return &ParameterError{"sni", name[:min(len(name), maxSNI)], "is not a server name: at most 255 printable ASCII characters"}
	}
	return nil
}
