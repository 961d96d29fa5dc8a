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

// listeners rewrites the filter chains of the targets of policies.
type listeners struct{}

// Plan applies policies if there are any: which chains are of their targets is inside of the
// listener. The key stands for all policies and for what leads to which route configuration.
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation || len(in.Objects.Of(gvk)) == 0 {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:     func(_ context.Context, l *listenerv3.Listener) error { return edit(in, l) },
		CacheKey: &indexOf(in).CacheKey,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) { // those that win its routes
			for _, name := range xds.RouteConfigurationsOf(l) {
				on = append(on, there(indexOf(in).effective(name))...)
			}
			return on
		},
	}
}

// edit applies to each filter chain its effective policy.
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

// apply rewrites a filter chain as the policies of its listeners say. Envoy Gateway puts
// all HTTP listeners of a port into one chain, so what is denied there is the business of
// the routes, see [configurations]. Without its routes nobody knows whose a chain is.
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
	// Envoy rejects a listener that demands certificates of QUIC clients: "TLS Client
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

// present puts the SVID in the place of certificates, and verification of clients by their
// SPIFFE IDs in the place of any other. Protocols and TLS parameters stay, and are an error
// if Envoy might reject them: see [spiffe.Keep].
//
// Sessions are not resumed where clients are verified: a resumed one is not verified anew,
// and would outlive a change of the policy.
func present(ctx *tlsv3.DownstreamTlsContext, s *v1alpha1.FrontendMTLSPolicySpec, canVerify bool) error {
	source := fieldsOf(s).Source()
	before := ctx.GetCommonTlsContext()
	common := &tlsv3.CommonTlsContext{
		KeyLog:                         before.GetKeyLog(), // by an EnvoyPatchPolicy, which is the operator's
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{source.SVID()},
	}
	if err := spiffe.Keep(before, common); err != nil {
		return err
	}
	ctx.OcspStaplePolicy = tlsv3.DownstreamTlsContext_LENIENT_STAPLING // an SVID comes without a response to staple
	ctx.CommonTlsContext = common
	ctx.RequireClientCertificate = nil
	if s.ClientCertificates == v1alpha1.ClientCertificatesDisabled || !canVerify {
		return nil
	}
	ctx.SessionTicketKeysType = &tlsv3.DownstreamTlsContext_DisableStatelessSessionResumption{DisableStatelessSessionResumption: true}
	ctx.DisableStatefulSessionResumption = true
	if s.ClientCertificates == v1alpha1.ClientCertificatesOptional {
		// With matchers Envoy would demand a certificate: see [authorizeClients].
		ctx.RequireClientCertificate = wrapperspb.Bool(false)
		common.ValidationContextType = &tlsv3.CommonTlsContext_ValidationContextSdsSecretConfig{ValidationContextSdsSecretConfig: source.Bundle()}
		return nil
	}
	ctx.RequireClientCertificate = wrapperspb.Bool(true)
	common.ValidationContextType = source.Validation(spiffe.Matchers(s.Clients, s.TrustBundles))
	return spiffe.RequireURI(common)
}
