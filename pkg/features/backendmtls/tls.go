package backendmtls

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/spiffe"
)

// tlsContext is the context of a policy: Envoy's SVID and the bundle by SDS, backends by
// the matchers, and TLS up to 1.3, where Envoy's default for clients is 1.2.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/extensions/transport_sockets/tls/v3/common.proto
func tlsContext(s *v1alpha1.BackendMTLSPolicySpec, peers []*tlsv3.SubjectAltNameMatcher) *tlsv3.UpstreamTlsContext {
	source := fieldsOf(s).Source()
	return &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsParams:                      &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{source.SVID()},
		ValidationContextType:          source.Validation(peers),
	}}
}

// keep carries over what Envoy Gateway decided and the policy does not: server name,
// protocols, TLS parameters. Certificates and everything about validation are left behind;
// with auto_sni_san_validation Envoy could match the SNI in place of the SPIFFE ID.
//
// They are choices of others than the policy's owner, and what Envoy might reject is an error:
// see [spiffe.Keep].
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

// nobody matches no peer.
func nobody() []*tlsv3.SubjectAltNameMatcher {
	return []*tlsv3.SubjectAltNameMatcher{spiffe.URI(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: denied}})}
}

// rejectsAll tells whether the context is one that matches nobody.
func rejectsAll(ctx *tlsv3.UpstreamTlsContext) bool {
	sans := typedSANs(ctx)
	return len(sans) == 1 && sans[0].GetMatcher().GetExact() == denied
}

func typedSANs(ctx *tlsv3.UpstreamTlsContext) []*tlsv3.SubjectAltNameMatcher {
	return ctx.GetCommonTlsContext().GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
}

// requireURI passes on a context whose matchers are there and all of type URI.
func requireURI(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
	if err := spiffe.RequireURI(ctx.GetCommonTlsContext()); err != nil {
		return nil, err
	}
	return ctx, nil
}

// alpn is what to offer to a backend that was plaintext, by the protocol that Envoy Gateway
// chose. Where that depends on the client's, Envoy offers what the connection needs.
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
