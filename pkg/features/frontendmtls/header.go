package frontendmtls

import (
	"slices"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Modes of the header, as Envoy Gateway names them.
const (
	sanitize          = "Sanitize"
	forwardOnly       = "ForwardOnly"
	appendForward     = "AppendForward"
	sanitizeSet       = "SanitizeSet"
	alwaysForwardOnly = "AlwaysForwardOnly"
)

var modes = []string{sanitize, forwardOnly, appendForward, sanitizeSet, alwaysForwardOnly}

// Details of the header, as Envoy Gateway names them.
const (
	subject v1alpha1.CertDetail = "Subject"
	cert    v1alpha1.CertDetail = "Cert"
	chain   v1alpha1.CertDetail = "Chain"
	dns     v1alpha1.CertDetail = "DNS"
	uri     v1alpha1.CertDetail = "URI"
)

// setHeader sets how an HTTP connection manager handles X-Forwarded-Client-Cert.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
func setHeader(hcm *hcmv3.HttpConnectionManager, x *v1alpha1.XForwardedClientCert) {
	hcm.ForwardClientCertDetails = map[string]hcmv3.HttpConnectionManager_ForwardClientCertDetails{
		sanitize:          hcmv3.HttpConnectionManager_SANITIZE,
		forwardOnly:       hcmv3.HttpConnectionManager_FORWARD_ONLY,
		appendForward:     hcmv3.HttpConnectionManager_APPEND_FORWARD,
		sanitizeSet:       hcmv3.HttpConnectionManager_SANITIZE_SET,
		alwaysForwardOnly: hcmv3.HttpConnectionManager_ALWAYS_FORWARD_ONLY,
	}[x.Mode]
	hcm.SetCurrentClientCertDetails = nil
	if len(x.CertDetailsToAdd) == 0 {
		return
	}
	has := func(d v1alpha1.CertDetail) bool { return slices.Contains(x.CertDetailsToAdd, d) }
	details := &hcmv3.HttpConnectionManager_SetCurrentClientCertDetails{Cert: has(cert), Chain: has(chain), Dns: has(dns), Uri: has(uri)}
	if has(subject) {
		details.Subject = wrapperspb.Bool(true)
	}
	hcm.SetCurrentClientCertDetails = details
}
