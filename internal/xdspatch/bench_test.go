package xdspatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// BenchmarkPatch measures applying a patch to a cluster, with and without copying the cluster first.
func BenchmarkPatch(b *testing.B) {
	for name, text := range map[string]string{
		"merge":          `merge: {per_connection_buffer_limit_bytes: 1024, connect_timeout: 3s}`,
		"when and merge": "when: target.section == 'pay' && self.name.startsWith('httproute/')\nmerge: {per_connection_buffer_limit_bytes: 1024, connect_timeout: 3s}",
		"set":            `set: {path: "circuit_breakers.thresholds[priority=HIGH].max_connections", expression: "int(target.annotations['limit'] == 'high' ? 1000 : 10)"}`,
		"merge in Any":   `merge: {typed_extension_protocol_options: {` + options + `: {"@type": type.googleapis.com/` + options + `, common_http_protocol_options: {idle_timeout: 5s}}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			p := compile(b, text)
			m := message(b, read(b, ""), `{name: httproute/shop/checkout/rule/0, type: EDS, `+thresholds+`, typed_extension_protocol_options: {`+options+`: {"@type": type.googleapis.com/`+options+`, explicit_http_config: {http2_protocol_options: {}}}}}`)
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := p.Matches(b.Context(), m, target); err != nil || !ok {
					b.Fatal(ok, err)
				}
				require.NoError(b, p.Apply(b.Context(), proto.Clone(m), target))
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	patch := "when: target.section == 'pay' && self.name.startsWith('httproute/')\nmerge: {per_connection_buffer_limit_bytes: 1024, connect_timeout: 3s}"
	compile(b, patch)
	for b.Loop() {
		compile(b, patch)
	}
}
