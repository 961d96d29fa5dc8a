package main

import (
	"fmt"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/common/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/xds"
)

// The shapes are those of Envoy Gateway's golden files:
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/testdata/out/xds-ir/backend-tls-settings.clusters.yaml
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/testdata/out/xds-ir/http-route-with-metadata.routes.yaml

// routesPerListener is the number of routes on the largest listeners of a fleet.
const routesPerListener = 1000

// revision is replaced in the encoded clusters to make them new: a string of fixed length in a
// field that Envoy Gateway sets from a BackendTrafficPolicy.
const revision = "revision-0000000000"

// must is for operations that cannot fail: encoding messages that are defined here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func pack(m proto.Message) *anypb.Any { return must(anypb.New(m)) }

// ads is the source from which Envoy Gateway has Envoy fetch everything.
func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// madeFrom returns the metadata that Envoy Gateway sets.
func madeFrom(kind, name, section string) *corev3.Metadata {
	resource := map[string]any{"kind": kind, "namespace": "shop", "name": name}
	if section != "" {
		resource["sectionName"] = section
	}
	s := must(structpb.NewStruct(map[string]any{"resources": []any{resource}}))
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}

func clusterName(i int) string { return fmt.Sprintf("httproute/shop/route-%d/rule/0", i) }

// cluster returns a cluster with a BackendTLSPolicy.
func cluster(i int) *clusterv3.Cluster {
	name := clusterName(i)
	return &clusterv3.Cluster{
		Name: name, AltStatName: revision,
		ClusterDiscoveryType:          &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:              &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads(), ServiceName: name},
		ConnectTimeout:                durationpb.New(10 * time.Second),
		PerConnectionBufferLimitBytes: wrapperspb.UInt32(32768),
		DnsLookupFamily:               clusterv3.Cluster_V4_PREFERRED,
		CommonLbConfig:                &clusterv3.Cluster_CommonLbConfig{},
		IgnoreHealthOnHostRemoval:     true,
		CircuitBreakers:               &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{MaxRetries: wrapperspb.UInt32(1024)}}},
		LoadBalancingPolicy:           leastRequest(),
		Metadata:                      madeFrom("HTTPRoute", fmt.Sprintf("route-%d", i), ""),
		TransportSocket:               tlsSocket("dummy.transport_socket", &tlsv3.UpstreamTlsContext{CommonTlsContext: &tlsv3.CommonTlsContext{}}),
		TransportSocketMatches: []*clusterv3.Cluster_TransportSocketMatch{{
			Name:            name + "/tls/0",
			Match:           must(structpb.NewStruct(map[string]any{"name": name + "/tls/0"})),
			TransportSocket: tlsSocket("envoy.transport_sockets.tls", backendTLS(i)),
		}},
		TypedExtensionProtocolOptions: map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": pack(protocols())},
	}
}

func leastRequest() *clusterv3.LoadBalancingPolicy {
	return &clusterv3.LoadBalancingPolicy{Policies: []*clusterv3.LoadBalancingPolicy_Policy{{
		TypedExtensionConfig: &corev3.TypedExtensionConfig{
			Name: "envoy.load_balancing_policies.least_request",
			TypedConfig: pack(&leastrequestv3.LeastRequest{LocalityLbConfig: &commonv3.LocalityLbConfig{
				LocalityConfigSpecifier: &commonv3.LocalityLbConfig_LocalityWeightedLbConfig_{LocalityWeightedLbConfig: &commonv3.LocalityLbConfig_LocalityWeightedLbConfig{}},
			}}),
		},
	}}}
}

func tlsSocket(name string, ctx *tlsv3.UpstreamTlsContext) *corev3.TransportSocket {
	return &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(ctx)}}
}

func backendTLS(i int) *tlsv3.UpstreamTlsContext {
	host := fmt.Sprintf("backend-%d.shop.svc", i)
	return &tlsv3.UpstreamTlsContext{Sni: host, CommonTlsContext: &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			ValidationContextSdsSecretConfig: &tlsv3.SdsSecretConfig{Name: "system_ca_certificates", SdsConfig: ads()},
			DefaultValidationContext: &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{{
				SanType: tlsv3.SubjectAltNameMatcher_DNS,
				Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: host}},
			}}},
		}},
	}}
}

func protocols() *httpv3.HttpProtocolOptions {
	return &httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_AutoConfig{AutoConfig: &httpv3.HttpProtocolOptions_AutoHttpConfig{
		HttpProtocolOptions:  &corev3.Http1ProtocolOptions{},
		Http2ProtocolOptions: &corev3.Http2ProtocolOptions{InitialStreamWindowSize: wrapperspb.UInt32(64 << 10), InitialConnectionWindowSize: wrapperspb.UInt32(1 << 20)},
	}}}
}

func listenerName(n int) string { return fmt.Sprintf("shop/gateway/listener-%d", n) }

func listener(n int) *listenerv3.Listener {
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: fmt.Sprintf("http-%d", 10000+n), UseRemoteAddress: wrapperspb.Bool(true), NormalizePath: wrapperspb.Bool(true), MergeSlashes: true,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: ads(), RouteConfigName: listenerName(n)}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name:       "envoy.filters.http.router",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{SuppressEnvoyHeaders: true})},
		}},
	}
	return &listenerv3.Listener{
		Name: listenerName(n), PerConnectionBufferLimitBytes: wrapperspb.UInt32(32768), MaxConnectionsToAcceptPerSocketEvent: wrapperspb.UInt32(1),
		Metadata: madeFrom("Gateway", "gateway", fmt.Sprintf("listener-%d", n)),
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "0.0.0.0", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(10000 + n)},
		}}},
		DefaultFilterChain: &listenerv3.FilterChain{Name: listenerName(n), Filters: []*listenerv3.Filter{{
			Name: xds.HCMName, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(manager)},
		}}},
	}
}

// routeConfiguration returns the configuration of listener n of a Gateway with clusters: ten
// virtual hosts with a hundred routes each, each route to the next cluster.
func routeConfiguration(n, clusters int) *routev3.RouteConfiguration {
	rc := &routev3.RouteConfiguration{Name: listenerName(n), IgnorePortInHostMatching: true}
	for i := range routesPerListener {
		if i%100 == 0 {
			host := fmt.Sprintf("host-%d.example.com", i/100)
			rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{
				Name: listenerName(n) + "/" + strings.ReplaceAll(host, ".", "_"), Domains: []string{host},
				Metadata: madeFrom("Gateway", "gateway", fmt.Sprintf("listener-%d", n)),
			})
		}
		vh := rc.VirtualHosts[len(rc.VirtualHosts)-1]
		vh.Routes = append(vh.Routes, route(n*routesPerListener+i, clusters))
	}
	return rc
}

func route(i, clusters int) *routev3.Route {
	return &routev3.Route{
		Name:     fmt.Sprintf("httproute/shop/route-%d/rule/0/match/0/host_example_com", i),
		Match:    &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: fmt.Sprintf("/v1/route-%d", i)}},
		Metadata: madeFrom("HTTPRoute", fmt.Sprintf("route-%d", i), "rule"),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: clusterName(i % clusters)},
			UpgradeConfigs:   []*routev3.RouteAction_UpgradeConfig{{UpgradeType: "websocket"}},
		}},
	}
}
