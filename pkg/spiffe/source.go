// Package spiffe has code for mutators that configure Envoy with SVIDs from a SPIRE agent: the
// connection to the agent, the names of its secrets, and URI matchers, without which Envoy would
// accept every workload of a trust domain.
//
// It must not depend on policies or hooks.
package spiffe

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Source is the identity of Envoy, the bundles by which it verifies others, and the agent that
// provides both. Its fields are validated fields of policies, with defaults.
type Source struct {
	TrustDomain        v1alpha1.TrustDomain
	WorkloadIdentifier string
	TrustBundles       []v1alpha1.TrustDomain
	Agent              v1alpha1.SPIREAgent
	FetchTimeout       time.Duration
}

// ID is Envoy's SPIFFE ID.
func (s Source) ID() string { return "spiffe://" + string(s.TrustDomain) + s.WorkloadIdentifier }

// SVID is the SDS configuration for Envoy's certificate.
func (s Source) SVID() *tlsv3.SdsSecretConfig {
	name := s.ID()
	if n := s.Agent.SDSNames; n != nil && n.SVID != "" {
		name = n.SVID
	}
	return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: s.sdsConfig()}
}

// Bundle is the SDS configuration for the bundle by which peers are verified.
func (s Source) Bundle() *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: s.bundleName(), SdsConfig: s.sdsConfig()}
}

// bundleName is the name of the bundle of a single trust domain, or of all bundles if there are
// several, because a context accepts one name.
func (s Source) bundleName() string {
	switch {
	case len(s.TrustBundles) > 1:
		return s.allBundles()
	case s.Agent.SDSNames != nil && s.Agent.SDSNames.TrustBundle != "":
		return s.Agent.SDSNames.TrustBundle
	default:
		return "spiffe://" + string(s.TrustBundles[0])
	}
}

// allBundles is the agent's name for all bundles that it has.
func (s Source) allBundles() string {
	if n := s.Agent.SDSNames; n != nil && n.AllTrustBundles != "" {
		return n.AllTrustBundles
	}
	return "ALL"
}

// HasSeveralBundles reports whether Envoy gets the bundles of all trust domains that the agent knows.
// Envoy's SPIFFE validator chooses a bundle by a single URI of a certificate, and then compares each
// of its URIs with the matchers, so any of these authorities can sign for any of the domains.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/transport_sockets/tls/cert_validator/spiffe/spiffe_validator.cc
func (s Source) HasSeveralBundles() bool { return s.bundleName() == s.allBundles() }

// sdsConfig is the SDS configuration source of the agent. It is the same for all secrets of a policy,
// because Envoy shares a stream among equal sources, and the agent attests each stream separately.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/security/secret
func (s Source) sdsConfig() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:  corev3.ApiVersion_V3,
		InitialFetchTimeout: durationpb.New(s.FetchTimeout),
		ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
			ApiType:                   corev3.ApiConfigSource_GRPC, // SPIRE does not support delta xDS
			TransportApiVersion:       corev3.ApiVersion_V3,
			SetNodeOnFirstMessageOnly: true,
			GrpcServices:              []*corev3.GrpcService{{TargetSpecifier: agent(s.Agent.SocketPath)}},
		}},
	}
}

// Validation verifies peers by the bundle and the matchers.
func (s Source) Validation(matchers []*tlsv3.SubjectAltNameMatcher) *tlsv3.CommonTlsContext_CombinedValidationContext {
	return &tlsv3.CommonTlsContext_CombinedValidationContext{
		CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext:         &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: matchers},
			ValidationContextSdsSecretConfig: s.Bundle(),
		},
	}
}
