package main

import (
	"context"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"github.com/egraft/egraft/pkg/xds"
)

// plain does with the generated types what egraft does: nothing without a policy for the Gateway,
// and the same edit of every cluster with one. Its work is easier: it does not match policies to
// targets, and validates nothing.
type plain struct {
	extensionv1.UnimplementedEnvoyGatewayExtensionServer
}

// PostRouteModify passes the route through.
func (plain) PostRouteModify(_ context.Context, r *extensionv1.PostRouteModifyRequest) (*extensionv1.PostRouteModifyResponse, error) {
	return &extensionv1.PostRouteModifyResponse{Route: r.GetRoute()}, nil
}

// PostVirtualHostModify passes the virtual host through.
func (plain) PostVirtualHostModify(_ context.Context, r *extensionv1.PostVirtualHostModifyRequest) (*extensionv1.PostVirtualHostModifyResponse, error) {
	return &extensionv1.PostVirtualHostModifyResponse{VirtualHost: r.GetVirtualHost()}, nil
}

// PostTranslateModify edits every cluster, or none.
func (plain) PostTranslateModify(_ context.Context, r *extensionv1.PostTranslateModifyRequest) (*extensionv1.PostTranslateModifyResponse, error) {
	if targets(r) {
		for _, c := range r.GetClusters() {
			if err := xds.EditClusterTLS(c, withSVID); err != nil {
				return nil, err
			}
		}
	}
	return &extensionv1.PostTranslateModifyResponse{Clusters: r.GetClusters(), Secrets: r.GetSecrets(), Listeners: r.GetListeners(), Routes: r.GetRoutes()}, nil
}

// targets reports whether the policy of the call is the one for the whole Gateway.
func targets(r *extensionv1.PostTranslateModifyRequest) bool {
	for _, p := range r.GetPostTranslateContext().GetExtensionResources() {
		if string(p.GetUnstructuredBytes()) == mtls {
			return true
		}
	}
	return false
}

// withSVID is the edit.
func withSVID(was *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
	if was == nil {
		return nil, nil
	}
	agent := &corev3.ConfigSource{ResourceApiVersion: corev3.ApiVersion_V3, ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{
		ApiConfigSource: &corev3.ApiConfigSource{
			ApiType: corev3.ApiConfigSource_GRPC, TransportApiVersion: corev3.ApiVersion_V3, SetNodeOnFirstMessageOnly: true,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: "agent"}}}},
		},
	}}
	return &tlsv3.UpstreamTlsContext{Sni: was.GetSni(), CommonTlsContext: &tlsv3.CommonTlsContext{
		TlsParams:                      &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: "spiffe://example.org/ns/envoy/sa/envoy", SdsConfig: agent}},
		ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext: &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_URI,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: "spiffe://example.org/ns/shop/"}},
			}}},
			ValidationContextSdsSecretConfig: &tlsv3.SdsSecretConfig{Name: "spiffe://example.org", SdsConfig: agent},
		}},
	}}, nil
}
