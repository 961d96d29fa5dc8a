package main

import (
	"fmt"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// clustersField is the field of clusters in the response of the Translation hook.
const clustersField = 1

// withCopies returns a function that adds a copy of each cluster to a response of the Translation
// hook. The copy has another name and the given encoded fields. The response is nearly as large as
// that of a server that upgrades all clusters to TLS and keeps the original ones, as egraft does.
//
// It does not decode clusters: a later field replaces an earlier one.
func withCopies(fields []byte) func(response []byte) []byte {
	return func(response []byte) []byte {
		var copies []byte
		for rest, i := response, 0; len(rest) > 0; i++ {
			number, kind, tag := protowire.ConsumeTag(rest)
			n := protowire.ConsumeFieldValue(number, kind, rest[tag:]) // [resources] has checked the encoding
			if number == clustersField {
				cluster, _ := protowire.ConsumeBytes(rest[tag:])
				named := encoded(&clusterv3.Cluster{Name: fmt.Sprintf("egraft/backend-mtls/439bed2ea5591fc8/httproute/bench/route-%06d/rule/0", i)})
				copies = protowire.AppendTag(copies, clustersField, protowire.BytesType)
				copies = protowire.AppendVarint(copies, uint64(len(cluster)+len(named)+len(fields)))
				copies = append(append(append(copies, cluster...), named...), fields...)
			}
			rest = rest[tag+n:]
		}
		return append(response, copies...)
	}
}

// upstreamTLS returns the encoded transport socket that BackendMTLSPolicy adds to a cluster, as in
// pkg/features/backendmtls/testdata/plaintext-upgrade.
func upstreamTLS() []byte {
	secret := func(name string) *tlsv3.SdsSecretConfig {
		return &tlsv3.SdsSecretConfig{Name: name, SdsConfig: &corev3.ConfigSource{
			ResourceApiVersion: corev3.ApiVersion_V3, InitialFetchTimeout: durationpb.New(2 * time.Second),
			ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
				ApiType: corev3.ApiConfigSource_GRPC, TransportApiVersion: corev3.ApiVersion_V3, SetNodeOnFirstMessageOnly: true,
				GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_GoogleGrpc_{GoogleGrpc: &corev3.GrpcService_GoogleGrpc{
					TargetUri: "unix:/run/spire/agent.sock", StatPrefix: "spire_agent",
					ChannelArgs: &corev3.GrpcService_GoogleGrpc_ChannelArgs{Args: map[string]*corev3.GrpcService_GoogleGrpc_ChannelArgs_Value{
						"grpc.max_reconnect_backoff_ms": {ValueSpecifier: &corev3.GrpcService_GoogleGrpc_ChannelArgs_Value_IntValue{IntValue: 1000}},
					}},
				}}}},
			}},
		}}
	}
	context, err := anypb.New(&tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{
		AlpnProtocols: []string{"http/1.1"}, TlsParams: &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3},
		TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{secret("spiffe://example.org/envoy")},
		ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			ValidationContextSdsSecretConfig: secret("spiffe://example.org"),
			DefaultValidationContext: &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_URI,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "spiffe://example.org/backend"}},
			}}},
		}},
	}})
	if err != nil {
		panic(err)
	}
	return encoded(&clusterv3.Cluster{TransportSocket: &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: context},
	}})
}

// encoded encodes a message of generated types without invalid strings, which cannot fail.
func encoded(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}
