package frontendmtls

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	mtlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/rbac/principals/mtls_authenticated/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// clientsFilter is the name of the RBAC filter of [authorizeClients]. It is not [gate]:
// routes close that one, and routes of listeners with TLS do, too.
const clientsFilter = "egraft.io/frontend-mtls-clients"

// mtlsPrincipal is Envoy's name of the principal that looks at what it is told to in a
// verified certificate. The older one, "authenticated", matches clients without a
// certificate if it has no name, and takes DNS names and the subject where no URI matches.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/rbac/principals/mtls_authenticated/v3/mtls_authenticated.proto
const mtlsPrincipal = "envoy.rbac.principals.mtls_authenticated"

// authorizeClients lets requests pass from clients without a verified certificate, and from
// those whose verified certificate has one of the SPIFFE IDs. It stands in for matchers in
// the TLS context: as soon as there is one, Envoy demands a certificate of everybody.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/tls/cert_validator/default_validator.cc
//
// A client without a verified certificate is one that presented none: with another one the
// handshake fails, and no session is resumed, see [present].
func authorizeClients(hcm *hcmv3.HttpConnectionManager, ids []*tlsv3.SubjectAltNameMatcher) error {
	if err := spiffe.RequireURIMatchers(ids); err != nil {
		return err
	}
	someone, err := verified(&mtlsv3.Config{AnyValidatedClientCertificate: true})
	if err != nil {
		return err
	}
	accepted := []*rbacconfigv3.Principal{{Identifier: &rbacconfigv3.Principal_NotId{NotId: someone}}}
	for _, id := range ids {
		p, err := verified(&mtlsv3.Config{SanMatcher: id})
		if err != nil {
			return err
		}
		accepted = append(accepted, p)
	}
	anything := &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_Any{Any: true}}
	cfg, err := xds.Any(&rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{
		Action:   rbacconfigv3.RBAC_ALLOW,
		Policies: map[string]*rbacconfigv3.Policy{"clients": {Permissions: []*rbacconfigv3.Permission{anything}, Principals: accepted}},
	}})
	if err != nil {
		return err
	}
	filter := &hcmv3.HttpFilter{Name: clientsFilter, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: cfg}}
	_, err = xds.InsertFilter(hcm, filter, func(string) bool { return true })
	return err
}

// verified is who has a verified certificate of a kind.
func verified(kind *mtlsv3.Config) (*rbacconfigv3.Principal, error) {
	cfg, err := xds.Any(kind)
	if err != nil {
		return nil, err
	}
	custom := &corev3.TypedExtensionConfig{Name: mtlsPrincipal, TypedConfig: cfg}
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Custom{Custom: custom}}, nil
}
