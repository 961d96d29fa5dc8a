package xdspatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

func path(t testing.TB, kind v1alpha1.XDSKind, text string) xdspatch.Path {
	t.Helper()
	p, err := xdspatch.ParsePath(v1alpha1.XDSSelect{Kind: kind}, text)
	require.NoError(t, err)
	return p
}

func TestPathsAreWrittenAsTheyAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"connectTimeout":             "connect_timeout",
		"circuitBreakers.thresholds": "circuit_breakers.thresholds",
		`circuit_breakers.thresholds[priority="HIGH"].maxConnections`:                                  "circuit_breakers.thresholds[priority=HIGH].max_connections",
		`metadata.filter_metadata[a]`:                                                                  `metadata.filter_metadata["a"]`,
		`metadata.filter_metadata["a]\u001b[31m\"."]`:                                                  `metadata.filter_metadata["a]\x1b[31m\"."]`,
		`load_assignment.endpoints[priority=007].priority`:                                             `load_assignment.endpoints[priority=7].priority`,
		`typed_extension_protocol_options["a"][@type=type.googleapis.com/` + options + `].auto_config`: `typed_extension_protocol_options["a"][@type=` + options + `].auto_config`,
		`transport_socket_matches[name="a b"].name`:                                                    `transport_socket_matches[name="a b"].name`,
	} {
		p := path(t, v1alpha1.XDSCluster, text)
		require.Equal(t, want, p.String())
		require.Equal(t, want, path(t, v1alpha1.XDSCluster, want).String())
	}
}

func TestOverlapsAndCovers(t *testing.T) {
	const thresholds = "circuit_breakers.thresholds"
	for _, c := range []struct {
		a, b                   string
		overlaps, covers, back bool
	}{
		{"name", "name", true, true, true},
		{"name", "alt_stat_name", false, false, false},
		{"circuit_breakers", thresholds + "[priority=HIGH].max_connections", true, true, false},
		{thresholds, thresholds + "[priority=HIGH].max_connections", true, true, false},
		{thresholds + "[priority=HIGH]", thresholds + "[priority=DEFAULT]", false, false, false},
		{thresholds + "[priority=HIGH].max_requests", thresholds + "[priority=HIGH].max_connections", false, false, false},
		{thresholds + ".max_connections", thresholds + "[priority=HIGH].max_connections", true, true, false},
		{thresholds + ".max_connections", thresholds + "[priority=HIGH].max_requests", false, false, false},
		{thresholds + "[priority=HIGH].max_requests", thresholds + "[max_connections=3].max_requests", true, false, false},
		{`metadata.filter_metadata["a"]`, `metadata.filter_metadata["b"]`, false, false, false},
		{`metadata.filter_metadata`, `metadata.filter_metadata["b"]`, true, true, false},
		{"type", "cluster_type", true, false, false},
		{"type", "cluster_type.name", true, false, false},
		{"ring_hash_lb_config.minimum_ring_size", "original_dst_lb_config.use_http_header", true, false, false},
		{`typed_extension_protocol_options["a"][@type=` + options + `].auto_config`, `typed_extension_protocol_options["a"]`, true, false, true},
		{`typed_extension_protocol_options["a"][@type=` + options + `].auto_config`, `typed_extension_protocol_options.http_filters`, false, false, false},
	} {
		t.Run(c.a+" "+c.b, func(t *testing.T) {
			if c.b == "typed_extension_protocol_options.http_filters" {
				c.b = `typed_extension_protocol_options[@type=` + options + `].http_filters`
			}
			a, b := path(t, v1alpha1.XDSCluster, c.a), path(t, v1alpha1.XDSCluster, c.b)
			require.Equal(t, c.overlaps, a.Overlaps(b))
			require.Equal(t, c.overlaps, b.Overlaps(a))
			require.Equal(t, c.covers, a.Covers(b))
			require.Equal(t, c.back, b.Covers(a))
		})
	}
}

func TestWrites(t *testing.T) {
	for text, want := range map[string][]string{
		`merge: {connect_timeout: 3s, outlier_detection: {interval: 1s, base_ejection_time: 2s}}`:                                                                           {"connect_timeout", "outlier_detection.base_ejection_time", "outlier_detection.interval"},
		`merge: {typed_extension_protocol_options: {a: {"@type": type.googleapis.com/` + options + `, common_http_protocol_options: {idle_timeout: 5s}, auto_config: {}}}}`: {`typed_extension_protocol_options["a"][@type=` + options + `].auto_config`, `typed_extension_protocol_options["a"][@type=` + options + `].common_http_protocol_options.idle_timeout`},
		`remove: connectTimeout`: {"connect_timeout"},
		`list: {path: "circuit_breakers.thresholds[priority=DEFAULT]", remove: true}`:                   {"circuit_breakers.thresholds[priority=DEFAULT]"},
		`set: {path: "circuit_breakers.thresholds[priority=DEFAULT].max_connections", expression: "1"}`: {"circuit_breakers.thresholds[priority=DEFAULT].max_connections"},
	} {
		require.Equal(t, want, texts(compile(t, text).Writes()))
	}
}

func texts(paths []xdspatch.Path) (out []string) {
	for _, p := range paths {
		out = append(out, p.String())
	}
	return out
}

func TestIsBroad(t *testing.T) {
	for text, broad := range map[string]bool{
		"connect_timeout": false, "per_connection_buffer_limit_bytes": false, "upstream_connection_options.tcp_keepalive.keepalive_time": false,
		"metadata": true, "health_checks": true, "typed_extension_protocol_options": true, "metadata.filter_metadata[\"a\"]": true,
		"circuit_breakers.thresholds[priority=DEFAULT].max_requests": true,
	} {
		require.Equal(t, broad, path(t, v1alpha1.XDSCluster, text).IsBroad(), text)
	}
}
