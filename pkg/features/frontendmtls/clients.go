package frontendmtls

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	mtlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/rbac/principals/mtls_authenticated/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// clientsFilter is the name of the RBAC filter of [authorizeClients]. It differs from [gate], which
// routes close, including routes of listeners with TLS.
const clientsFilter = "egraft.io/frontend-mtls-clients"

// mtlsPrincipal is Envoy's name of the principal that checks only the configured part of a verified
// certificate. The older principal, "authenticated", falls back to DNS names and the subject if no
// URI matches, and without a name it also matches clients without a certificate.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/rbac/principals/mtls_authenticated/v3/mtls_authenticated.proto
const mtlsPrincipal = "envoy.rbac.principals.mtls_authenticated"

// authorizeClients allows requests from clients whose verified certificate has one of the SPIFFE
// IDs and no ID of another trust domain. If certificates are optional, it also allows clients that
// presented none.
//
// Envoy's SPIFFE validator chooses the bundle by one URI of a certificate, but compares each URI
// with the matchers of the TLS context. An authority of a federated domain could therefore sign for
// the clients of another domain. An SVID has a single URI.
// https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md#2-spiffe-id
//
// If certificates are optional, the filter also replaces the matchers in the TLS context: with a
// matcher there, Envoy requires a certificate from every client.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/tls/cert_validator/default_validator.cc
func authorizeClients(hcm *hcmv3.HttpConnectionManager, ids []*tlsv3.SubjectAltNameMatcher, optional bool) error {
	if err := spiffe.RequireURIMatchers(ids); err != nil {
		return err
	}
	var accepted []*rbacconfigv3.Principal
	if optional {
		nobody, err := withoutCertificate()
		if err != nil {
			return err
		}
		accepted = append(accepted, nobody)
	}
	for _, domain := range spiffe.ByDomain(ids) {
		p, err := clientsOf(domain)
		if err != nil {
			return err
		}
		accepted = append(accepted, p)
	}
	anything := &rbacconfigv3.Permission{Rule: &rbacconfigv3.Permission_Any{Any: true}}
	filter, err := httpfilter.New(clientsFilter, &rbacv3.RBAC{Rules: &rbacconfigv3.RBAC{
		Action:   rbacconfigv3.RBAC_ALLOW,
		Policies: map[string]*rbacconfigv3.Policy{"clients": {Permissions: []*rbacconfigv3.Permission{anything}, Principals: accepted}},
	}})
	if err != nil {
		return err
	}
	_, err = httpfilter.Insert(hcm, httpfilter.First(), filter)
	return err
}

// clientsOf matches clients with a matching ID of the trust domain and no ID of another domain.
func clientsOf(domain spiffe.Domain) (*rbacconfigv3.Principal, error) {
	var named []*rbacconfigv3.Principal
	for _, id := range domain.Matchers {
		p, err := verified(&mtlsv3.Config{SanMatcher: id})
		if err != nil {
			return nil, err
		}
		named = append(named, p)
	}
	outside, err := verified(&mtlsv3.Config{SanMatcher: spiffe.Outside(domain.Name)})
	if err != nil {
		return nil, err
	}
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_AndIds{AndIds: &rbacconfigv3.Principal_Set{Ids: []*rbacconfigv3.Principal{
		{Identifier: &rbacconfigv3.Principal_OrIds{OrIds: &rbacconfigv3.Principal_Set{Ids: named}}},
		{Identifier: &rbacconfigv3.Principal_NotId{NotId: outside}},
	}}}}, nil
}

// withoutCertificate matches clients that presented no certificate. It is not enough that there is
// no verified certificate: Envoy does not verify one when it resumes a session, but still knows its
// names. Unless [present] turns off resumption, the resumed session of a client with another ID
// would pass for one without a certificate.
func withoutCertificate() (*rbacconfigv3.Principal, error) {
	withVerified, err := verified(&mtlsv3.Config{AnyValidatedClientCertificate: true})
	if err != nil {
		return nil, err
	}
	anyName := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: ".+"}}}
	withName := &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Authenticated_{
		Authenticated: &rbacconfigv3.Principal_Authenticated{PrincipalName: anyName},
	}}
	either := &rbacconfigv3.Principal_Set{Ids: []*rbacconfigv3.Principal{withVerified, withName}}
	someone := &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_OrIds{OrIds: either}}
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_NotId{NotId: someone}}, nil
}

// verified matches clients with a verified certificate of the given kind.
func verified(kind *mtlsv3.Config) (*rbacconfigv3.Principal, error) {
	cfg, err := xds.Any(kind)
	if err != nil {
		return nil, err
	}
	custom := &corev3.TypedExtensionConfig{Name: mtlsPrincipal, TypedConfig: cfg}
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Custom{Custom: custom}}, nil
}
