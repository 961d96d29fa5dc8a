package xdspatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSensitive(t *testing.T) {
	const (
		hcm   = "select: {kind: HTTPConnectionManager}\n"
		route = "select: {kind: Route}\n"
		typed = `"@type": type.googleapis.com/`
	)
	for text, want := range map[string][]string{
		// Fields that need no grant.
		`merge: {connect_timeout: 3s, circuit_breakers: {}, outlier_detection: {interval: 1s}}`:                              nil,
		`list: {path: circuit_breakers.thresholds, append: [{priority: HIGH, retry_budget: {budget_percent: {value: 20}}}]}`: nil,
		`set: {path: circuit_breakers, expression: "self.circuit_breakers"}`:                                                 {"circuit_breakers"},
		`remove: outlier_detection`: {"outlier_detection"},
		`merge: {typed_extension_protocol_options: {` + options + `: {` + typed + options + `, common_http_protocol_options: {idle_timeout: 5s}}}}`: nil,
		hcm + `merge: {max_request_headers_kb: 96}`: nil,
		hcm + `list: {path: local_reply_config.mappers, append: [{filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: 400, runtime_key: a}}}}, status_code: 503, body_format_override: {text_format_source: {inline_string: "%REQ(x-a)% %RESPONSE_CODE%"}}}]}`: nil,
		route + `list: {path: request_headers_to_add, append: [{header: {key: x-a, value: "%REQ(x-b)%"}}]}`: nil,
		route + `merge: {route: {timeout: 3s, retry_policy: {num_retries: 3}}}`:                             nil,
		route + `set: {path: route.hash_policy, expression: "[]"}`:                                          {"route.hash_policy"},

		hcm + `merge: {local_reply_config: {body_format: {text_format_source: {inline_string: "%RESPONSE_CODE%"}}}}`: nil,
		hcm + `merge: {local_reply_config: {body_format: {json_format: {a: {b: ["%RESPONSE_CODE%"]}}}}}`:             nil,

		// Which peers Envoy connects to, and which it trusts.
		`merge: {name: a}`:                               {"name"},
		`merge: {type: STATIC}`:                          {"type"},
		`merge: {cluster_type: {name: a}}`:               {"cluster_type.name"},
		`merge: {load_assignment: {cluster_name: a}}`:    {"load_assignment.cluster_name"},
		`remove: load_assignment`:                        {"load_assignment"},
		`remove: transport_socket`:                       {"transport_socket"},
		`set: {path: lb_policy, expression: "'RANDOM'"}`: {"lb_policy"},
		`merge: {typed_extension_protocol_options: {a: {` + typed + options + `, common_http_protocol_options: {idle_timeout: 5s}}}}`: {`typed_extension_protocol_options["a"][@type=` + options + `].common_http_protocol_options.idle_timeout`}, // Envoy rejects the key
		`remove: metadata`: {"metadata"},
		`list: {path: transport_socket_matches, replace: []}`:                                      {"transport_socket_matches"},
		`merge: {eds_cluster_config: {eds_config: {ads: {}}}}`:                                     {"eds_cluster_config.eds_config.ads"},
		`merge: {upstream_bind_config: {source_address: {address: 127.0.0.1, port_value: 0}}}`:     {"upstream_bind_config.source_address.address", "upstream_bind_config.source_address.port_value"},
		`set: {path: track_cluster_stats, expression: 'TrackClusterStats{timeout_budgets: true}'}`: nil,
		`merge: {track_cluster_stats: {}}`:                                                         nil,
		`list: {path: health_checks, append: [{timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, event_log_path: /tmp/a, http_health_check: {path: /}}]}`: {"health_checks.http_health_check", "health_checks.event_log_path"},
		`select: {kind: UpstreamTLS}
remove: sni`: {"sni"},
		`select: {kind: UpstreamTLS}
merge: {max_session_keys: 3}`: {"max_session_keys"},
		`select: {kind: DownstreamTLS}
merge: {session_timeout: 3s}`: {"session_timeout"},
		`merge: {typed_extension_protocol_options: {` + options + `: {` + typed + options + `, upstream_http_protocol_options: {auto_sni: true}}}}`: {`typed_extension_protocol_options["` + options + `"][@type=` + options + `].upstream_http_protocol_options.auto_sni`},
		`merge: {typed_extension_protocol_options: {a: {` + typed + `envoy.extensions.filters.http.lua.v3.Lua, inline_code: ""}}}`:                  {`typed_extension_protocol_options["a"][@type=envoy.extensions.filters.http.lua.v3.Lua].inline_code`},
		`merge: {typed_extension_protocol_options: {a: {` + typed + `envoy.extensions.filters.http.lua.v3.Lua}}}`:                                   {`typed_extension_protocol_options["a"][@type=envoy.extensions.filters.http.lua.v3.Lua]`},
		`remove: 'typed_extension_protocol_options["a"]'`:                                                                                           {`typed_extension_protocol_options["a"]`},

		// Envoy's host.
		hcm + `merge: {local_reply_config: {body_format: {text_format_source: {filename: /etc/passwd}}}}`:                {"local_reply_config.body_format.text_format_source.filename"},
		hcm + `merge: {local_reply_config: {body_format: {text_format_source: {inline_string: "%ENVIRONMENT(HOME)%"}}}}`: {"local_reply_config.body_format.text_format_source.inline_string"},
		hcm + `merge: {local_reply_config: {body_format: {json_format: {a: {b: ["%ENVIRONMENT(HOME)%"]}}}}}`:             {"local_reply_config.body_format.json_format"},
		hcm + `merge: {local_reply_config: {body_format: {json_format: {"%ENVIRONMENT(HOME)%": a}}}}`:                    {"local_reply_config.body_format.json_format"},
		hcm + `set: {path: local_reply_config.body_format.text_format_source.inline_string, expression: "target.name"}`:  {"local_reply_config.body_format.text_format_source.inline_string"},
		hcm + `list: {path: access_log, append: [{name: a}]}`:                                                            {"access_log"},
		hcm + `list: {path: http_filters, append: [{name: a}]}`:                                                          {"http_filters"},
		hcm + `merge: {use_remote_address: true}`:                                                                        {"use_remote_address"},
		hcm + `merge: {tracing: {}}`: {"tracing"},
		route + `list: {path: request_headers_to_add, append: [{header: {key: x-a, value: "%ENVIRONMENT(HOME)%"}}]}`:    {"request_headers_to_add.header.value"},
		route + `list: {path: request_headers_to_add, append: [{header: {key: ":path", value: a}}]}`:                    {"request_headers_to_add.header.key"},
		route + `set: {path: "request_headers_to_add[header.key=a].header.value", expression: "'%ENVIRONMENT(HOME)%'"}`: {"request_headers_to_add[header.key=a].header.value"},
		route + `set: {path: request_headers_to_add, expression: "self.request_headers_to_add"}`:                        {"request_headers_to_add"},

		route + `list: {path: request_headers_to_remove, append: [x-a]}`:                                                                                                                                     nil,
		route + `list: {path: request_headers_to_remove, append: [":path"]}`:                                                                                                                                 {"request_headers_to_remove"},
		route + `list: {path: route.retry_policy.retriable_headers, append: [{name: a, string_match: {safe_regex: {regex: "a.*b"}}}]}`:                                                                       nil,
		route + `list: {path: route.retry_policy.retriable_headers, append: [{name: a, string_match: {safe_regex: {regex: "("}}}]}`:                                                                          {"route.retry_policy.retriable_headers.string_match.safe_regex.regex"},
		route + `list: {path: route.retry_policy.retriable_headers, append: [{name: a, string_match: {custom: {name: a, typed_config: {` + typed + `envoy.extensions.filters.http.grpc_web.v3.GrpcWeb}}}}]}`: {"route.retry_policy.retriable_headers.string_match.custom"},

		hcm + `set: {path: http_protocol_options.header_key_format.proper_case_words, expression: "envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat.ProperCaseWords{}"}`: {"http_protocol_options.header_key_format.proper_case_words"},
		hcm + `merge: {http_protocol_options: {header_key_format: {proper_case_words: {}}}}`:                                                                                      nil,
		route + `set: {path: "request_headers_to_add[keep_empty_value=true].header", expression: "envoy.config.core.v3.HeaderValue{key: 'a', value: self.name}"}`:                 {"request_headers_to_add[keep_empty_value=true].header"},
		`merge: {typed_extension_protocol_options: {envoy.extensions.filters.http.lua.v3.Lua: {` + typed + `envoy.extensions.filters.http.lua.v3.Lua}}}`:                          {`typed_extension_protocol_options["envoy.extensions.filters.http.lua.v3.Lua"][@type=envoy.extensions.filters.http.lua.v3.Lua]`},

		// Which requests a route receives, and what happens to them.
		route + `merge: {match: {prefix: /}}`:                                                  {"match.prefix"},
		route + `merge: {route: {cluster: a}}`:                                                 {"route.cluster"},
		route + `remove: route`:                                                                {"route"},
		route + `merge: {redirect: {host_redirect: a}}`:                                        {"redirect.host_redirect"},
		route + `merge: {direct_response: {status: 200}}`:                                      {"direct_response.status"},
		route + `remove: 'typed_per_filter_config["a"]'`:                                       {`typed_per_filter_config["a"]`},
		route + `list: {path: route.request_mirror_policies, append: [{cluster: a}]}`:          {"route.request_mirror_policies"},
		"select: {kind: VirtualHost}\n" + `list: {path: domains, append: ["*"]}`:               {"domains"},
		"select: {kind: Listener}\n" + `merge: {address: {socket_address: {port_value: 1}}}`:   {"address.socket_address.port_value"},
		"select: {kind: FilterChain}\n" + `remove: filter_chain_match`:                         {"filter_chain_match"},
		"select: {kind: HTTPFilter, filter: ExtAuthz}\n" + `merge: {failure_mode_allow: true}`: {"failure_mode_allow"},
		"select: {kind: HTTPFilter, filter: Lua}\n" + `remove: default_source_code`:            {"default_source_code"},
	} {
		t.Run(text, func(t *testing.T) {
			require.Equal(t, want, texts(compile(t, text).Sensitive()))
		})
	}
}
