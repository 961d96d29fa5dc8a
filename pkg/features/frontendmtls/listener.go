package frontendmtls

import (
	"context"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// listeners rewrites the filter chains of the policies' targets.
type listeners struct{}

// Plan edits every listener if there are policies, because only a decoded listener shows the
// targets of its filter chains. The cache key covers all policies and the route configurations'
// listeners.
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation || len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:     func(_ context.Context, l *listenerv3.Listener) error { return edit(in, l) },
		CacheKey: &indexOf(in).CacheKey,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) { // the effective policies of its routes
			for _, name := range xds.RouteConfigurationsOf(l) {
				on = append(on, there(indexOf(in).effective(name))...)
			}
			return on
		},
	}
}

// edit applies the effective policies to each filter chain.
func edit(in *mutator.Input, l *listenerv3.Listener) error {
	x := indexOf(in)
	var failures []mutator.PartialFailure
	for _, fc := range xds.FilterChains(l) {
		name, err := xds.RouteConfigurationOfChain(fc)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if err := apply(fc, x.effective(name), x.knows(name)); err != nil {
			failure, err := denyChain(fc, there(x.effective(name)), err)
			if err != nil {
				return err
			}
			failures = append(failures, failure)
		}
	}
	if len(failures) > 0 {
		return &mutator.PartialError{Failures: failures}
	}
	return nil
}

// apply rewrites a filter chain for the policies of its listeners. Envoy Gateway puts all HTTP
// listeners of a port into one chain, so requests to one of them are rejected by the routes: see
// [configurations]. If the routes are missing, the chain's listeners are unknown.
func apply(fc *listenerv3.FilterChain, effective []*policy.Object, routesKnown bool) error {
	switch {
	case !routesKnown && only(effective) != nil:
		return xds.DenyFilterChain(fc)
	case xds.IsPlaintext(fc):
		if slices.ContainsFunc(effective, deniesPlaintext) {
			return addGates(fc)
		}
		return nil
	}
	o := only(effective)
	if o == nil {
		return nil
	}
	s := spec(o)
	// Envoy rejects a listener that requires certificates from QUIC clients: "TLS Client
	// Authentication is not supported over QUIC".
	if s == nil || xds.IsQUIC(fc) && s.ClientCertificates == v1alpha1.ClientCertificatesRequired {
		return xds.DenyFilterChain(fc)
	}
	quic := xds.IsQUIC(fc)
	if err := xds.EditDownstreamTLS(fc, func(ctx *tlsv3.DownstreamTlsContext) error { return present(ctx, s, !quic) }); err != nil {
		return err
	}
	_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		setHeader(hcm, &s.XForwardedClientCert)
		if s.ClientCertificates == v1alpha1.ClientCertificatesDisabled || quic {
			return true, nil
		}
		optional := s.ClientCertificates == v1alpha1.ClientCertificatesOptional
		return true, authorizeClients(hcm, spiffe.Matchers(s.Clients, s.TrustBundles), optional)
	})
	return err
}

// present replaces certificates with the SVID, and any verification of clients with verification by
// SPIFFE ID. It keeps protocols and TLS parameters, and returns an error if Envoy might reject
// them: see [spiffe.Keep].
//
// If clients are verified, it turns off session resumption: Envoy does not verify a resumed session
// again, so the session would outlive a change of the policy.
func present(ctx *tlsv3.DownstreamTlsContext, s *v1alpha1.FrontendMTLSPolicySpec, canVerify bool) error {
	source := fieldsOf(s).Source()
	before := ctx.GetCommonTlsContext()
	common := &tlsv3.CommonTlsContext{
		KeyLog:                         before.GetKeyLog(), // from an EnvoyPatchPolicy, which the operator controls
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{source.SVID()},
	}
	if err := spiffe.Keep(before, common); err != nil {
		return err
	}
	ctx.OcspStaplePolicy = tlsv3.DownstreamTlsContext_LENIENT_STAPLING // an SVID has no OCSP response to staple
	ctx.CommonTlsContext = common
	ctx.RequireClientCertificate = nil
	if s.ClientCertificates == v1alpha1.ClientCertificatesDisabled || !canVerify {
		return nil
	}
	ctx.SessionTicketKeysType = &tlsv3.DownstreamTlsContext_DisableStatelessSessionResumption{DisableStatelessSessionResumption: true}
	ctx.DisableStatefulSessionResumption = true
	if s.ClientCertificates == v1alpha1.ClientCertificatesOptional {
		// With matchers, Envoy would require a certificate: see [authorizeClients].
		ctx.RequireClientCertificate = wrapperspb.Bool(false)
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: source.Bundle()}
		return nil
	}
	ctx.RequireClientCertificate = wrapperspb.Bool(true)
	common.ValidationContextType = source.Validation(spiffe.Matchers(s.Clients, s.TrustBundles))
	return spiffe.RequireURI(common)
}
