package xdspatch_test

import (
	"testing"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// read parses a patch as users write it. Without select it is for a Cluster.
func read(t testing.TB, text string) *v1alpha1.XDSPatch {
	t.Helper()
	p := &v1alpha1.XDSPatch{Select: v1alpha1.XDSSelect{Kind: v1alpha1.XDSCluster}}
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), p))
	return p
}

func compile(t testing.TB, text string) *xdspatch.Patch {
	t.Helper()
	p, errs := xdspatch.Compile(read(t, text), field.NewPath("patches").Index(0))
	require.NoError(t, errs.ToAggregate())
	return p
}

// message parses a message of the kind that a patch selects.
func message(t testing.TB, p *v1alpha1.XDSPatch, text string) proto.Message {
	t.Helper()
	of, err := envoyapi.Types{}.FindMessageByName(xdspatch.Root(p.Select))
	require.NoError(t, err)
	m := of.New().Interface()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	require.NoError(t, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal(raw, m))
	return m
}

var target = xdspatch.Target{
	Kind: "HTTPRoute", Namespace: "shop", Name: "checkout", Section: "pay", Annotations: map[string]string{"limit": "high"},
	Gateway: xdspatch.Object{Namespace: "infra", Name: "public"},
}

const thresholds = "circuit_breakers: {thresholds: [{priority: DEFAULT, max_connections: 1}, {priority: HIGH, max_connections: 2}]}"

func TestApply(t *testing.T) {
	for name, c := range map[string]struct{ patch, before, after string }{
		"merge sets scalars and keeps the rest": {
			`merge: {per_connection_buffer_limit_bytes: 1024, connectTimeout: 3s}`, `{name: a, connect_timeout: 1s}`, `{name: a, connect_timeout: 3s, per_connection_buffer_limit_bytes: 1024}`,
		},
		"merge goes into messages that are there": {
			`merge: {outlier_detection: {interval: 5s}}`, `{outlier_detection: {consecutive_5xx: 3}}`, `{outlier_detection: {consecutive_5xx: 3, interval: 5s}}`,
		},
		"merge sets a scalar to its default": {`merge: {respect_dns_ttl: false, per_connection_buffer_limit_bytes: 0}`, `{respect_dns_ttl: true}`, `{per_connection_buffer_limit_bytes: 0}`},
		"merge makes an empty message":       {`merge: {upstream_connection_options: {tcp_keepalive: {}}}`, `{}`, `{upstream_connection_options: {tcp_keepalive: {}}}`},
		"merge keeps an empty message's fields": {
			`merge: {upstream_connection_options: {tcp_keepalive: {}}}`, `{upstream_connection_options: {tcp_keepalive: {keepalive_time: 3}}}`, `{upstream_connection_options: {tcp_keepalive: {keepalive_time: 3}}}`,
		},
		"merge goes into the message of an Any": {
			`merge: {typed_extension_protocol_options: {` + options + `: {"@type": type.googleapis.com/` + options + `, common_http_protocol_options: {idle_timeout: 5s}}}}`,
			`{typed_extension_protocol_options: {` + options + `: {"@type": type.googleapis.com/` + options + `, explicit_http_config: {http2_protocol_options: {}}}}}`,
			`{typed_extension_protocol_options: {` + options + `: {"@type": type.googleapis.com/` + options + `, explicit_http_config: {http2_protocol_options: {}}, common_http_protocol_options: {idle_timeout: 5s}}}}`,
		},
		"merge replaces a Struct": {
			`merge: {metadata: {filter_metadata: {a: {b: [1]}}}}`, `{metadata: {filter_metadata: {a: {c: 1}, d: {e: 1}}}}`, `{metadata: {filter_metadata: {a: {b: [1]}, d: {e: 1}}}}`,
		},
		"merge takes a member of a oneof from the others": {`merge: {type: STATIC}`, `{cluster_type: {name: a}}`, `{type: STATIC}`},
		"merge reads large numbers":                       {`merge: {ring_hash_lb_config: {minimum_ring_size: "8388608"}}`, `{}`, `{ring_hash_lb_config: {minimum_ring_size: "8388608"}}`},

		"set by key":              {`set: {path: "circuit_breakers.thresholds[priority=HIGH].max_connections", expression: "7"}`, `{` + thresholds + `}`, `{circuit_breakers: {thresholds: [{max_connections: 1}, {priority: HIGH, max_connections: 7}]}}`},
		"set a duration":          {`set: {path: connect_timeout, expression: 'duration("90s")'}`, `{}`, `{connect_timeout: 90s}`},
		"set a default":           {`set: {path: respect_dns_ttl, expression: "false"}`, `{respect_dns_ttl: true}`, `{}`},
		"set an enum by name":     {`set: {path: lb_policy, expression: "'LEAST_REQUEST'"}`, `{}`, `{lb_policy: LEAST_REQUEST}`},
		"set an enum by constant": {`set: {path: lb_policy, expression: "Cluster.LbPolicy.LEAST_REQUEST"}`, `{}`, `{lb_policy: LEAST_REQUEST}`},
		"set by the message":      {`set: {path: alt_stat_name, expression: "self.name.split('/')[1] + '_' + target.section"}`, `{name: a/b/c}`, `{name: a/b/c, alt_stat_name: b_pay}`},
		"set by the target":       {`set: {path: alt_stat_name, expression: "[target.kind, target.gateway.name, target.annotations['limit']].join('/')"}`, `{}`, `{alt_stat_name: HTTPRoute/public/high}`},
		"set a message":           {`set: {path: track_cluster_stats, expression: "TrackClusterStats{timeout_budgets: true}"}`, `{track_cluster_stats: {request_response_sizes: true}}`, `{track_cluster_stats: {timeout_budgets: true}}`},
		"set a Struct's entry":    {`set: {path: 'metadata.filter_metadata["a.b"]', expression: "{'c': [1, 'x', true]}"}`, `{}`, `{metadata: {filter_metadata: {a.b: {c: [1, x, true]}}}}`},
		"set a double":            {`set: {path: common_lb_config.healthy_panic_threshold.value, expression: "50"}`, `{}`, `{common_lb_config: {healthy_panic_threshold: {value: 50}}}`},
		"set in an Any makes it": {
			`set: {path: 'typed_extension_protocol_options["` + options + `"][@type=` + options + `].common_http_protocol_options.max_connection_duration', expression: "duration('1h')"}`,
			`{}`, `{typed_extension_protocol_options: {` + options + `: {"@type": type.googleapis.com/` + options + `, common_http_protocol_options: {max_connection_duration: 3600s}}}}`,
		},
		"set an Any": {
			`set: {path: 'typed_extension_protocol_options["a"]', expression: "envoy.config.core.v3.TcpKeepalive{keepalive_time: 3u}"}`,
			`{}`, `{typed_extension_protocol_options: {a: {"@type": type.googleapis.com/envoy.config.core.v3.TcpKeepalive, keepalive_time: 3}}}`,
		},
		"set what an Any says": {
			`set: {path: alt_stat_name, expression: "string(self.typed_extension_protocol_options['a'].keepalive_time)"}`,
			`{typed_extension_protocol_options: {a: {"@type": type.googleapis.com/envoy.config.core.v3.TcpKeepalive, keepalive_time: 3}}}`,
			`{alt_stat_name: "3", typed_extension_protocol_options: {a: {"@type": type.googleapis.com/envoy.config.core.v3.TcpKeepalive, keepalive_time: 3}}}`,
		},
		"set a list": {`
select: {kind: Route}
set: {path: request_headers_to_remove, expression: "['a', self.name]"}`, `{name: r, request_headers_to_remove: [x]}`, `{name: r, request_headers_to_remove: [a, r]}`},

		"append what is not there": {`
select: {kind: Route}
list: {path: request_headers_to_add, append: [{header: {key: a, value: "1"}}, {header: {key: b, value: "2"}}]}`, `{request_headers_to_add: [{header: {key: b, value: "2"}}]}`, `{request_headers_to_add: [{header: {key: b, value: "2"}}, {header: {key: a, value: "1"}}]}`},
		"append keeps large numbers": {`
select: {kind: Route}
list: {path: route.retry_policy.retriable_headers, append: [{name: a, range_match: {start: 9007199254740993, end: "9007199254740995"}}]}`, `{route: {cluster: a}}`, `{route: {cluster: a, retry_policy: {retriable_headers: [{name: a, range_match: {start: "9007199254740993", end: "9007199254740995"}}]}}}`},
		"append makes messages":    {`list: {path: circuit_breakers.thresholds, append: [{priority: HIGH}]}`, `{}`, `{circuit_breakers: {thresholds: [{priority: HIGH}]}}`},
		"replace an element":       {`list: {path: "circuit_breakers.thresholds[priority=HIGH]", replace: {priority: HIGH, max_requests: 3}}`, `{` + thresholds + `}`, `{circuit_breakers: {thresholds: [{max_connections: 1}, {priority: HIGH, max_requests: 3}]}}`},
		"replace a list":           {`list: {path: circuit_breakers.thresholds, replace: [{max_retries: 3}]}`, `{` + thresholds + `}`, `{circuit_breakers: {thresholds: [{max_retries: 3}]}}`},
		"empty a list":             {`list: {path: circuit_breakers.thresholds, replace: []}`, `{` + thresholds + `}`, `{circuit_breakers: {}}`},
		"remove an element":        {`list: {path: "circuit_breakers.thresholds[priority=DEFAULT]", remove: true}`, `{` + thresholds + `}`, `{circuit_breakers: {thresholds: [{priority: HIGH, max_connections: 2}]}}`},
		"remove what is not there": {`list: {path: "circuit_breakers.thresholds[priority=DEFAULT]", remove: true}`, `{}`, `{}`},
		"remove a field":           {`remove: connectTimeout`, `{name: a, connect_timeout: 1s}`, `{name: a}`},
		"remove makes nothing":     {`remove: upstream_connection_options.tcp_keepalive.keepalive_time`, `{}`, `{}`},
		"remove of an element":     {`remove: "circuit_breakers.thresholds[priority=HIGH].max_connections"`, `{` + thresholds + `}`, `{circuit_breakers: {thresholds: [{max_connections: 1}, {priority: HIGH}]}}`},
		"remove an entry":          {`remove: 'metadata.filter_metadata["a"]'`, `{metadata: {filter_metadata: {a: {}, b: {}}}}`, `{metadata: {filter_metadata: {b: {}}}}`},
		"remove a scalar of a list": {`
select: {kind: Route}
list: {path: 'request_headers_to_remove["x-a"]', remove: true}`, `{request_headers_to_remove: [x-a, x-b]}`, `{request_headers_to_remove: [x-b]}`},
		"key in a message": {`
select: {kind: Route}
set: {path: 'request_headers_to_add[header.key=a].keep_empty_value', expression: "true"}`, `{request_headers_to_add: [{header: {key: a}}, {header: {key: b}}]}`, `{request_headers_to_add: [{header: {key: a}, keep_empty_value: true}, {header: {key: b}}]}`},
		"filter without Go code": {`
select: {kind: HTTPFilter, filter: GRPCStats}
merge: {emit_filter_state: true}`, `{}`, `{emit_filter_state: true}`},
	} {
		t.Run(name, func(t *testing.T) {
			patch := read(t, c.patch)
			p := compile(t, c.patch)
			m := message(t, patch, c.before)
			require.NoError(t, p.Apply(t.Context(), m, target))
			require.JSONEq(t, print(message(t, patch, c.after)), print(m))
			once := proto.Clone(m)
			require.NoError(t, p.Apply(t.Context(), m, target))
			require.True(t, proto.Equal(once, m), "not idempotent: %v", m)
		})
	}
}

const options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

func print(m proto.Message) string {
	return protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Format(m)
}
