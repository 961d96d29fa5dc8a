package backendmtls

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// tlsContext is the TLS context of a policy: Envoy's SVID and the bundle by SDS, the matchers for
// backends, and TLS up to 1.3, because Envoy's default for clients is 1.2.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/transport_sockets/tls/v3/common.proto
func tlsContext(s *v1alpha1.BackendMTLSPolicySpec, peers []*tlsv3.SubjectAltNameMatcher) *tlsv3.UpstreamTlsContext {
	source := fieldsOf(s).Source()
	return &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsParams:                      &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{source.SVID()},
		ValidationContextType:          source.Validation(peers),
	}}
}

// keep copies the settings from Envoy Gateway that the policy does not set: server name, protocols,
// TLS parameters. It does not copy certificates and validation settings: with
// auto_sni_san_validation, Envoy could match the SNI instead of the SPIFFE ID.
//
// These settings do not come from the policy's owner. A setting that Envoy might reject is an
// error: see [spiffe.Keep].
func keep(from, to *tlsv3.UpstreamTlsContext) error {
	if err := spiffe.CheckSNI(from.GetSni()); err != nil {
		return err
	}
	to.Sni = from.GetSni()
	to.AutoHostSni = from.GetAutoHostSni()
	to.AllowRenegotiation = from.GetAllowRenegotiation()
	to.MaxSessionKeys = from.GetMaxSessionKeys()
	to.EnforceRsaKeyUsage = from.GetEnforceRsaKeyUsage()
	if err := spiffe.Keep(from.GetCommonTlsContext(), to.CommonTlsContext); err != nil {
		return err
	}
	if p := to.CommonTlsContext.TlsParams; p.GetTlsMaximumProtocolVersion() == tlsv3.TlsParameters_TLS_AUTO {
		p.TlsMaximumProtocolVersion = tlsv3.TlsParameters_TLSv1_3
	}
	return nil
}

// matchers are the URI matchers of a policy.
func matchers(s *v1alpha1.BackendMTLSPolicySpec) []*tlsv3.SubjectAltNameMatcher {
	return spiffe.Matchers(s.Peers, s.TrustBundles)
}

// denied is a URI that no certificate has.
const denied = "egraft:plaintext-backend-denied"

// nobody returns a matcher that matches no peer.
func nobody() []*tlsv3.SubjectAltNameMatcher {
	return []*tlsv3.SubjectAltNameMatcher{spiffe.URI(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: denied}})}
}

// rejectsAll reports whether the context rejects all peers.
func rejectsAll(ctx *tlsv3.UpstreamTlsContext) bool {
	sans := typedSANs(ctx)
	return len(sans) == 1 && sans[0].GetMatcher().GetExact() == denied
}

func typedSANs(ctx *tlsv3.UpstreamTlsContext) []*tlsv3.SubjectAltNameMatcher {
	return ctx.GetCommonTlsContext().GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
}

// requireURI returns the context, or an error unless it has matchers, all of type URI.
func requireURI(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
	if err := spiffe.RequireURI(ctx.GetCommonTlsContext()); err != nil {
		return nil, err
	}
	return ctx, nil
}

// alpn is the protocols to offer to a backend that was plaintext, by the protocol that Envoy Gateway
// configured. If that depends on the client, Envoy offers what the connection needs.
func alpn(c *clusterv3.Cluster) []string {
	var o httpv3.HttpProtocolOptions
	any := c.GetTypedExtensionProtocolOptions()[spiffe.HTTPOptions]
	if any == nil || any.UnmarshalTo(&o) != nil {
		return []string{"http/1.1"}
	}
	switch {
	case o.GetExplicitHttpConfig().GetHttp2ProtocolOptions() != nil:
		return []string{"h2"}
	case o.GetAutoConfig() != nil:
		return []string{"h2", "http/1.1"}
	case o.GetUseDownstreamProtocolConfig() != nil:
		return nil
	default:
		return []string{"http/1.1"}
	}
}
