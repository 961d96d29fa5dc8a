package xdspatch_test

import (
	"sync"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/xdspatch"
)

func TestApplyFaults(t *testing.T) {
	const inAny = `set: {path: 'typed_extension_protocol_options["a"][@type=` + options + `].common_http_protocol_options.idle_timeout', expression: "duration('3s')"}`
	for name, c := range map[string]struct{ patch, message, want string }{
		"key that selects nothing": {
			`set: {path: "circuit_breakers.thresholds[priority=HIGH].max_connections", expression: "3"}`, `{circuit_breakers: {thresholds: [{}]}}`,
			`patch circuit_breakers.thresholds[priority=HIGH].max_connections: thresholds has no element [priority=HIGH]`,
		},
		"replaced key that selects nothing": {
			`list: {path: "circuit_breakers.thresholds[priority=HIGH]", replace: {priority: HIGH}}`, `{}`,
			`patch circuit_breakers.thresholds[priority=HIGH]: thresholds has no element [priority=HIGH]`,
		},
		"another message in the Any": {
			inAny, `{typed_extension_protocol_options: {a: {"@type": type.googleapis.com/envoy.config.core.v3.TcpKeepalive}}}`,
			`patch typed_extension_protocol_options["a"][@type=envoy.extensions.upstreams.http.v3.HttpProtocolOptions].common_http_protocol_options…: ` +
				`typed_extension_protocol_options has type type.googleapis.com/envoy.config.core.v3.TcpKeepalive, not envoy.extensions.upstreams.http.v3.HttpProtocolOptions`,
		},
		"another member of a oneof": {
			"select: {kind: Route}\nmerge: {route: {timeout: 3s}}", `{redirect: {}}`,
			`patch route.timeout: route is not set but redirect is, and a message can only have one of them: use has(…) in when`,
		},
		"value of another type": {
			`set: {path: connect_timeout, expression: "self.metadata.filter_metadata['a'].b"}`, `{metadata: {filter_metadata: {a: {b: c}}}}`,
			`set connect_timeout: connect_timeout: a value of type string`,
		},
		"value out of range": {
			`set: {path: per_connection_buffer_limit_bytes, expression: "size(self.name) - 2"}`, `{name: a}`,
			`set per_connection_buffer_limit_bytes: per_connection_buffer_limit_bytes: a value out of the range of uint32`,
		},
		"value of an enum":       {`set: {path: lb_policy, expression: "self.name"}`, `{name: a}`, `set lb_policy: lb_policy: a value that is not one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG`},
		"missing key":            {`set: {path: name, expression: "target.annotations['a']"}`, `{}`, `set name: no such key`},
		"no number":              {`set: {path: common_lb_config.healthy_panic_threshold.value, expression: "double(self.name)"}`, `{name: NaN}`, `set common_lb_config.healthy_panic_threshold.value: value: a value that is not a finite number`},
		"no number in a Struct":  {`set: {path: 'metadata.filter_metadata["a"]', expression: "{'a': [double(self.name)]}"}`, `{name: "+Inf"}`, `set metadata.filter_metadata["a"]: value: a value that is not a finite number`},
		"no number in a message": {`set: {path: common_lb_config, expression: "Cluster.CommonLbConfig{healthy_panic_threshold: envoy.type.v3.Percent{value: double(self.name)}}"}`, `{name: NaN}`, `set common_lb_config: common_lb_config: a value that is not a finite number`},
		"prohibited field": {
			"select: {kind: Route}\nset: {path: route.rate_limits, expression: \"[RateLimit{actions: [RateLimit.Action{dynamic_metadata: RateLimit.Action.DynamicMetaData{descriptor_key: self.name}}]}]\"}", `{name: a, route: {cluster: a}}`,
			`set route.rate_limits: rate_limits: dynamic_metadata is deprecated, and Envoy rejects it`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			patch := read(t, c.patch)
			require.EqualError(t, compile(t, c.patch).Apply(t.Context(), message(t, patch, c.message), target), c.want)
		})
	}
}

func TestMatches(t *testing.T) {
	for when, want := range map[string]bool{
		`self.name == "a" && target.kind == "HTTPRoute"`: true,
		`self.name == "b"`:                                                             false,
		`has(self.connect_timeout)`:                                                    true,
		`has(self.outlier_detection)`:                                                  false,
		`self.connect_timeout > duration("500ms")`:                                     true,
		`target.annotations[?"limit"].orValue("") == "high"`:                           true,
		`target.annotations[?"none"].orValue("") == ""`:                                true,
		`"limit" in target.annotations`:                                                true,
		`target.gateway.namespace == "infra" && target.gateway.name == "public"`:       true,
		`target.section in ["pay", "order"]`:                                           true,
		`self.circuit_breakers.thresholds.exists(t, t.priority == 1)`:                  false,
		`self.metadata.filter_metadata["a"].b == 3.0`:                                  true,
		`self.name.matches("^[a-z]$")`:                                                 true,
		`self.lb_policy == Cluster.LbPolicy.ROUND_ROBIN`:                               true,
		`self.metadata.filter_metadata.exists(k, k == "a")`:                            true,
		`!(self.name in ["x"]) && self.name.upperAscii() == "A" && "b c".trim() != ""`: true,
	} {
		t.Run(when, func(t *testing.T) {
			patch := read(t, "remove: name")
			patch.When = when
			p, errs := xdspatch.Compile(patch, nil)
			require.NoError(t, errs.ToAggregate())
			got, err := p.Matches(t.Context(), message(t, patch, `{name: a, connect_timeout: 1s, metadata: {filter_metadata: {a: {b: 3}}}}`), target)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestOtherMessagesAreNotPatched(t *testing.T) {
	p := compile(t, "remove: name")
	require.EqualError(t, p.Apply(t.Context(), &listenerv3.Listener{}, target), "the patch is for envoy.config.cluster.v3.Cluster, but the message has type envoy.config.listener.v3.Listener")
	_, err := p.Matches(t.Context(), &listenerv3.Listener{}, target)
	require.Error(t, err)
}

func TestUnpack(t *testing.T) {
	patch := read(t, "select: {kind: HTTPFilter, filter: GRPCStats}\nremove: emit_filter_state")
	a, err := anypb.New(message(t, patch, "{emit_filter_state: true}"))
	require.NoError(t, err)
	m, err := xdspatch.Unpack(a)
	require.NoError(t, err)
	require.NoError(t, compile(t, "select: {kind: HTTPFilter, filter: GRPCStats}\nremove: emit_filter_state").Apply(t.Context(), m, target))
	require.Equal(t, "{}", print(m))
}

// TestPatchesAreShared: several goroutines can use a patch; run it with the race detector.
func TestPatchesAreShared(t *testing.T) {
	const text = `
when: self.name.split('/')[0] in ['a'] && self.circuit_breakers.thresholds.exists(t, t.priority == 1)
set: {path: "circuit_breakers.thresholds[priority=HIGH].max_connections", expression: "size(self.name) + 3"}`
	p, patch := compile(t, text), read(t, text)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				m := message(t, patch, `{name: a/b, `+thresholds+`}`)
				ok, err := p.Matches(t.Context(), m, target)
				assert.True(t, ok)
				assert.NoError(t, err)
				assert.NoError(t, p.Apply(t.Context(), m, target))
			}
		})
	}
	all.Wait()
}
