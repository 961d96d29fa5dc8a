// Package envoyfilter knows Envoy's HTTP filters: which message configures each in a filter chain
// and which on a route, and which of them can do no more than change the requests that pass through them.
//
// It reads configuration and must not change it. It does not decide who may use which filter.
package envoyfilter

import (
	"slices"
	"strings"
)

// Filter is an HTTP filter in Envoy's standard build.
type Filter struct {
	// Name is the name for operators, such as csrf for envoy.extensions.filters.http.csrf.v3.
	Name string
	// Chain is the message that configures it in a filter chain, and Route the message for routes,
	// empty if there is none.
	Chain, Route string
	// IsUpstream is true if it can also be an upstream HTTP filter of clusters. Its message for
	// routes is then UpstreamRoute.
	IsUpstream    bool
	UpstreamRoute string
	// IsConfined is true if any namespace may use the filter, within the limits of [Confined] for
	// its configuration.
	IsConfined bool
}

const (
	prefix  = "envoy.extensions.filters.http."
	version = ".v3."
)

// filter returns a filter of package envoy.extensions.filters.http.NAME.v3.
func filter(name, chain, route string) Filter {
	f := Filter{Name: name, Chain: prefix + name + version + chain}
	if route != "" {
		f.Route = prefix + name + version + route
	}
	return f
}

func confined(name, chain, route string) Filter {
	f := filter(name, chain, route)
	f.IsConfined = true
	return f
}

// upstream returns a filter that can also be an upstream filter, with the same messages.
func upstream(f Filter) Filter {
	f.IsUpstream, f.UpstreamRoute = true, f.Route
	return f
}

// withoutUpstreamRoute returns a filter that Envoy does not configure on routes when it is an
// upstream filter.
func withoutUpstreamRoute(f Filter) Filter {
	f.UpstreamRoute = ""
	return f
}

// all are the filters of Envoy 1.39.1, sorted by name, except router and mcp_router, which end a
// chain, and match_delegate, which is a matcher for other filters. TestFiltersOfEnvoy in e2e
// compares them with Envoy.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/extensions_metadata.yaml
var all = []Filter{
	filter("a2a", "A2a", ""),
	confined("adaptive_concurrency", "AdaptiveConcurrency", ""),
	upstream(filter("admission_control", "AdmissionControl", "")),
	filter("ai_protocol_manager", "AiProtocolManager", ""),
	filter("alternate_protocols_cache", "FilterConfig", ""),
	filter("api_key_auth", "ApiKeyAuth", "ApiKeyAuthPerRoute"),
	upstream(filter("aws_lambda", "Config", "PerRouteConfig")),
	upstream(filter("aws_request_signing", "AwsRequestSigning", "AwsRequestSigningPerRoute")),
	confined("bandwidth_limit", "BandwidthLimit", "BandwidthLimit"),
	filter("bandwidth_share", "BandwidthShare", "BandwidthShare"),
	filter("basic_auth", "BasicAuth", "BasicAuthPerRoute"),
	upstream(filter("buffer", "Buffer", "BufferPerRoute")),
	filter("cache", "CacheConfig", ""),
	filter("cache_v2", "CacheV2Config", ""),
	filter("cdn_loop", "CdnLoopConfig", ""),
	upstream(filter("composite", "Composite", "CompositePerRoute")),
	filter("compressor", "Compressor", "CompressorPerRoute"),
	filter("connect_grpc_bridge", "FilterConfig", ""),
	filter("cors", "Cors", "CorsPolicy"),
	upstream(filter("credential_injector", "CredentialInjector", "")),
	confined("csrf", "CsrfPolicy", "CsrfPolicy"),
	confined("custom_response", "CustomResponse", "CustomResponse"),
	filter("decompressor", "Decompressor", ""),
	filter("dynamic_forward_proxy", "FilterConfig", "PerRouteConfig"),
	upstream(filter("dynamic_modules", "DynamicModuleFilter", "DynamicModuleFilterPerRoute")),
	filter("ext_authz", "ExtAuthz", "ExtAuthzPerRoute"),
	upstream(filter("ext_proc", "ExternalProcessor", "ExtProcPerRoute")),
	filter("fault", "HTTPFault", "HTTPFault"),
	filter("file_server", "FileServerConfig", ""),
	filter("file_system_buffer", "FileSystemBufferFilterConfig", "FileSystemBufferFilterConfig"),
	filter("filter_chain", "FilterChainConfig", "FilterChainConfigPerRoute"),
	filter("gcp_authn", "GcpAuthnFilterConfig", ""),
	filter("geoip", "Geoip", ""),
	filter("grpc_field_extraction", "GrpcFieldExtractionConfig", ""),
	filter("grpc_http1_bridge", "Config", ""),
	filter("grpc_http1_reverse_bridge", "FilterConfig", "FilterConfigPerRoute"),
	filter("grpc_json_reverse_transcoder", "GrpcJsonReverseTranscoder", "GrpcJsonReverseTranscoder"),
	filter("grpc_json_transcoder", "GrpcJsonTranscoder", "GrpcJsonTranscoder"),
	filter("grpc_stats", "FilterConfig", ""),
	confined("grpc_web", "GrpcWeb", ""),
	upstream(confined("header_mutation", "HeaderMutation", "HeaderMutationPerRoute")),
	filter("header_to_metadata", "Config", "Config"),
	filter("health_check", "HealthCheck", ""),
	filter("ip_tagging", "IPTagging", ""),
	filter("json_to_metadata", "JsonToMetadata", "JsonToMetadata"),
	filter("jwt_authn", "JwtAuthentication", "PerRouteConfig"),
	filter("local_ratelimit", "LocalRateLimit", "LocalRateLimit"),
	upstream(filter("lua", "Lua", "LuaPerRoute")),
	filter("mcp", "Mcp", "McpOverride"),
	filter("mcp_json_rest_bridge", "McpJsonRestBridge", "McpJsonRestBridgePerRoute"),
	filter("oauth2", "OAuth2", "OAuth2PerRoute"),
	filter("on_demand", "OnDemand", "PerRouteConfig"),
	filter("original_src", "OriginalSrc", ""),
	filter("proto_api_scrubber", "ProtoApiScrubberConfig", ""),
	filter("proto_message_extraction", "ProtoMessageExtractionConfig", ""),
	filter("rate_limit_quota", "RateLimitQuotaFilterConfig", ""),
	filter("ratelimit", "RateLimit", "RateLimitPerRoute"),
	withoutUpstreamRoute(upstream(confined("rbac", "RBAC", "RBACPerRoute"))),
	filter("set_filter_state", "Config", "Config"),
	filter("set_metadata", "Config", "Config"),
	filter("sse_to_metadata", "SseToMetadata", ""),
	confined("stateful_session", "StatefulSession", "StatefulSessionPerRoute"),
	filter("tap", "Tap", ""),
	filter("thrift_to_metadata", "ThriftToMetadata", ""),
	filter("transform", "TransformConfig", "TransformConfig"),
	upstream(filter("wasm", "Wasm", "")),
}

// All returns the filters, sorted by name.
func All() []Filter { return slices.Clone(all) }

// Names returns the names of the filters.
func Names() (names []string) {
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// UpstreamNames returns the names of the filters that can be upstream HTTP filters.
func UpstreamNames() (names []string) {
	for _, f := range all {
		if f.IsUpstream {
			names = append(names, f.Name)
		}
	}
	return names
}

// Of returns the filter that a message configures in a filter chain.
func Of(message string) (Filter, bool) {
	i := slices.IndexFunc(all, func(f Filter) bool { return f.Chain == message })
	if i < 0 {
		return Filter{}, false
	}
	return all[i], true
}

// IsName reports whether a filter has the name.
func IsName(name string) bool {
	_, found := slices.BinarySearchFunc(all, name, func(f Filter, name string) int { return strings.Compare(f.Name, name) })
	return found
}
