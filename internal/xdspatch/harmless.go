package xdspatch

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// harmless are the fields that need no grant: they change how much Envoy does for the target, how
// long it waits and what it reports to the two peers. They do not change which peers Envoy connects
// to or trusts, which requests the target receives, or what Envoy reads on its host. All other
// fields are sensitive, including those added by new releases of Envoy. An asterisk stands for all
// fields of a message, and .* for all messages nested in it.
//
// TestHarmless records the consequences for all messages.
const harmless = `
# Clusters: connections, limits, outliers, and how endpoints are chosen. Sensitive are names, types,
# addresses and their resolution, transport sockets, filters, subsets by metadata and where loads are reported.
envoy.config.cluster.v3.Cluster connect_timeout per_connection_buffer_limit_bytes max_requests_per_connection
  circuit_breakers outlier_detection upstream_connection_options preconnect_policy track_cluster_stats health_checks common_lb_config
  close_connections_on_host_health_failure ignore_health_on_host_removal connection_pool_per_downstream_connection
  typed_extension_protocol_options
envoy.config.cluster.v3.CircuitBreakers thresholds
envoy.config.cluster.v3.CircuitBreakers.*
envoy.config.cluster.v3.OutlierDetection consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx
  enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor consecutive_gateway_failure
  enforcing_consecutive_gateway_failure split_external_local_origin_errors consecutive_local_origin_failure
  enforcing_consecutive_local_origin_failure enforcing_local_origin_success_rate failure_percentage_threshold
  enforcing_failure_percentage enforcing_failure_percentage_local_origin failure_percentage_minimum_hosts
  failure_percentage_request_volume always_eject_one_host successful_active_health_check_uneject_host
envoy.config.cluster.v3.UpstreamConnectionOptions tcp_keepalive happy_eyeballs_config
envoy.config.cluster.v3.UpstreamConnectionOptions.*
envoy.config.cluster.v3.TrackClusterStats *
envoy.config.cluster.v3.Cluster.PreconnectPolicy *
envoy.config.cluster.v3.Cluster.CommonLbConfig *
envoy.config.cluster.v3.Cluster.CommonLbConfig.*
envoy.config.core.v3.HealthStatusSet *
envoy.config.core.v3.HealthCheck timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold
  reuse_connection no_traffic_interval no_traffic_healthy_interval unhealthy_interval unhealthy_edge_interval healthy_edge_interval
envoy.extensions.upstreams.http.v3.HttpProtocolOptions common_http_protocol_options explicit_http_config use_downstream_protocol_config
envoy.extensions.upstreams.http.v3.HttpProtocolOptions.ExplicitHttpConfig http_protocol_options http2_protocol_options
envoy.extensions.upstreams.http.v3.HttpProtocolOptions.UseDownstreamHttpConfig http_protocol_options http2_protocol_options

# Protocols. Sensitive is what has Envoy read a request otherwise than its peers.
envoy.config.core.v3.HttpProtocolOptions idle_timeout max_connection_duration max_headers_count max_response_headers_kb max_stream_duration max_requests_per_connection
envoy.config.core.v3.Http1ProtocolOptions accept_http_10 default_host_for_http_10 enable_trailers header_key_format override_stream_error_on_invalid_http_message
envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat proper_case_words
envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords *
envoy.config.core.v3.Http2ProtocolOptions hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size connection_keepalive
  max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload max_inbound_priority_frames_per_stream
  max_inbound_window_update_frames_per_data_frame_sent override_stream_error_on_invalid_http_message
envoy.config.core.v3.KeepaliveSettings *
envoy.config.core.v3.TcpKeepalive *

# Listeners: limits and timeouts. Sensitive are addresses, filters, what selects a chain, and socket options.
envoy.config.listener.v3.Listener per_connection_buffer_limit_bytes listener_filters_timeout tcp_backlog_size tcp_fast_open_queue_length
  max_connections_to_accept_per_socket_event
envoy.config.listener.v3.FilterChain transport_socket_connect_timeout

# HTTP connection managers: limits, timeouts, request IDs and local replies. Sensitive are filters, routes, access logs, tracing,
# and from what Envoy learns the client and the path.
envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager common_http_protocol_options http_protocol_options http2_protocol_options
  stream_idle_timeout stream_flush_timeout request_timeout request_headers_timeout drain_timeout delayed_close_timeout max_request_headers_kb
  preserve_external_request_id always_set_request_id_in_response generate_request_id server_name server_header_transformation
  stream_error_on_invalid_http_message http1_safe_max_connection_duration local_reply_config
envoy.extensions.filters.network.http_connection_manager.v3.LocalReplyConfig *
envoy.extensions.filters.network.http_connection_manager.v3.ResponseMapper filter status_code body body_format_override headers_to_add
envoy.config.core.v3.SubstitutionFormatString text_format_source json_format content_type omit_empty_values
envoy.config.core.v3.DataSource inline_bytes inline_string
envoy.config.accesslog.v3.AccessLogFilter status_code_filter duration_filter not_health_check_filter traceable_filter and_filter or_filter header_filter response_flag_filter grpc_status_filter
envoy.config.accesslog.v3.StatusCodeFilter *
envoy.config.accesslog.v3.DurationFilter *
envoy.config.accesslog.v3.ComparisonFilter *
envoy.config.accesslog.v3.NotHealthCheckFilter *
envoy.config.accesslog.v3.TraceableFilter *
envoy.config.accesslog.v3.AndFilter *
envoy.config.accesslog.v3.OrFilter *
envoy.config.accesslog.v3.HeaderFilter *
envoy.config.accesslog.v3.ResponseFlagFilter *
envoy.config.accesslog.v3.GrpcStatusFilter *

# Routes: headers, timeouts, retries and hashing. Sensitive are matches, domains, names and metadata, clusters, redirects and direct
# responses, rewrites, and what filters do for a route.
envoy.config.route.v3.RouteConfiguration request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove
envoy.config.route.v3.VirtualHost request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove
  include_request_attempt_count include_attempt_count_in_response include_is_timeout_retry_header retry_policy hedge_policy
  per_request_buffer_limit_bytes
envoy.config.route.v3.Route request_headers_to_add request_headers_to_remove response_headers_to_add response_headers_to_remove
  per_request_buffer_limit_bytes route
envoy.config.route.v3.RouteAction timeout idle_timeout flush_timeout max_stream_duration retry_policy hedge_policy hash_policy priority append_x_forwarded_host
envoy.config.route.v3.RouteAction.MaxStreamDuration *
envoy.config.route.v3.RouteAction.HashPolicy *
envoy.config.route.v3.RouteAction.HashPolicy.Header header_name
envoy.config.route.v3.RouteAction.HashPolicy.Cookie *
envoy.config.route.v3.RouteAction.HashPolicy.CookieAttribute *
envoy.config.route.v3.RouteAction.HashPolicy.ConnectionProperties *
envoy.config.route.v3.RouteAction.HashPolicy.QueryParameter *
envoy.config.route.v3.RetryPolicy retry_on num_retries per_try_timeout per_try_idle_timeout host_selection_retry_max_attempts retriable_status_codes
  rate_limited_retry_back_off retriable_headers retriable_request_headers
envoy.config.route.v3.RetryPolicy.RateLimitedRetryBackOff *
envoy.config.route.v3.RetryPolicy.ResetHeader *
envoy.config.route.v3.HedgePolicy *
envoy.config.route.v3.HeaderMatcher *
envoy.config.core.v3.HeaderValueOption header append_action keep_empty_value
envoy.config.core.v3.HeaderValue *

# HTTP filters of which Envoy Gateway makes more than it has settings for.
envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit enable_mode limit_kbps fill_interval
envoy.extensions.filters.http.buffer.v3.Buffer *
envoy.extensions.filters.http.compressor.v3.Compressor request_direction_config response_direction_config choose_first
envoy.extensions.filters.http.compressor.v3.Compressor.*

# What the above consist of.
envoy.config.core.v3.RuntimeUInt32 *
envoy.config.core.v3.RuntimePercent *
envoy.config.core.v3.RuntimeFeatureFlag *
envoy.type.v3.Percent *
envoy.type.v3.FractionalPercent *
envoy.type.v3.Int64Range *
envoy.type.v3.Int32Range *
envoy.type.matcher.v3.StringMatcher exact prefix suffix contains safe_regex
envoy.type.matcher.v3.RegexMatcher *
envoy.type.matcher.v3.RegexMatcher.*
`

// grantless is [harmless], parsed.
type grantless struct {
	// fields are the full names of fields, all the messages whose fields are all harmless, and
	// nested those whose nested messages are, too.
	fields, all, nested map[protoreflect.FullName]bool
}

var table = sync.OnceValue(func() grantless {
	out := grantless{map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}}
	message := protoreflect.FullName("")
	for line := range strings.Lines(harmless) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if !strings.HasPrefix(line, " ") {
			message, words = protoreflect.FullName(words[0]), words[1:]
		}
		if in, ok := strings.CutSuffix(string(message), ".*"); ok {
			out.nested[protoreflect.FullName(in)] = true
		}
		for _, w := range words {
			if w == "*" {
				out.all[message] = true
				continue
			}
			out.fields[message.Append(protoreflect.Name(w))] = true
		}
	}
	return out
})

// isHarmless reports whether a field needs no grant.
func isHarmless(fd protoreflect.FieldDescriptor) bool {
	of := fd.ContainingMessage().FullName()
	return table().fields[fd.FullName()] || table().all[of] || isInside(of)
}

func isInside(of protoreflect.FullName) bool {
	for in := of.Parent(); in != ""; in = in.Parent() {
		if table().nested[in] {
			return true
		}
	}
	return false
}

// isKnown reports whether a message has any harmless field.
func isKnown(of protoreflect.MessageDescriptor) bool {
	for i := range of.Fields().Len() {
		if isHarmless(of.Fields().Get(i)) {
			return true
		}
	}
	return table().all[of.FullName()] || isInside(of.FullName())
}
