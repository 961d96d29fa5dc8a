package diff

import (
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/envoyapi"
)

// read parses a message in YAML.
func read[T proto.Message](t *testing.T, m T, text string) T {
	t.Helper()
	b, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	require.NoError(t, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal(b, m), text)
	return m
}

func TestMessages(t *testing.T) {
	const hcm = "filter_chains: [{name: x, filters: [{name: hcm, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, http_filters: [%s]}}]}]"
	const hcmPath = "filter_chains[name=x].filters[name=hcm].typed_config[@type=envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager]"
	const tls = "transport_socket: {name: tls, typed_config: {'@type': type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, %s}}"
	const tlsPath = "transport_socket.typed_config[@type=envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext]"
	cluster, listener := &clusterv3.Cluster{}, &listenerv3.Listener{}
	hosts, secret := &routev3.RouteConfiguration{}, &tlsv3.Secret{}
	for _, test := range []struct {
		name          string
		of            proto.Message
		before, after string
		want          string
	}{
		{"equal", cluster, "name: a\ntype: EDS", "name: a\ntype: EDS", "(2 unchanged fields hidden)\n"},
		{"nothing", cluster, "{}", "{}", ""},
		{"scalar", cluster, "name: a\nalt_stat_name: x", "name: a\nalt_stat_name: z", "~ alt_stat_name: \"x\" -> \"z\"\n(1 unchanged field hidden)\n"},
		{"enum", cluster, "lb_policy: LEAST_REQUEST", "lb_policy: RANDOM", "~ lb_policy: \"LEAST_REQUEST\" -> \"RANDOM\"\n"},
		{"duration", cluster, "connect_timeout: 5s", "connect_timeout: 10s", "~ connect_timeout: \"5s\" -> \"10s\"\n"},
		{"added and removed", cluster, "alt_stat_name: x", "connect_timeout: 5s", "- alt_stat_name: \"x\"\n+ connect_timeout: \"5s\"\n"},
		{"added message", cluster, "{}", "eds_cluster_config: {service_name: s}", "+ eds_cluster_config:\n    service_name: s\n"},
		{"empty message", cluster, "eds_cluster_config: {}", "eds_cluster_config: {service_name: s}", "+ eds_cluster_config.service_name: \"s\"\n"},
		{"oneof", cluster, "type: EDS", "cluster_type: {name: x}", "- type: \"EDS\"\n+ cluster_type:\n    name: x\n"},
		{
			"named routes", hosts,
			"virtual_hosts: [{name: v, routes: [{name: a, match: {prefix: /}}, {name: b}]}]",
			"virtual_hosts: [{name: v, routes: [{name: new}, {name: a, match: {prefix: /a}}]}]",
			"- virtual_hosts[name=v].routes[name=b]:\n    name: b\n+ virtual_hosts[name=v].routes[name=new] (at index 0):\n    name: new\n" +
				"~ virtual_hosts[name=v].routes[name=a].match.prefix: \"/\" -> \"/a\"\n(2 unchanged fields hidden)\n",
		},
		{
			"order", hosts, "virtual_hosts: [{name: a}, {name: b}, {name: c}]", "virtual_hosts: [{name: b}, {name: a}]",
			"- virtual_hosts[name=c]:\n    name: c\n~ virtual_hosts (order):\n    - - name=a\n    - - name=b\n    + - name=b\n    + - name=a\n(2 unchanged fields hidden)\n",
		},
		{
			"names that are not their own", hosts, "virtual_hosts: [{name: a}, {name: a}]", "virtual_hosts: [{name: a}, {name: a, domains: [x]}]",
			"+ virtual_hosts[1].domains:\n    - x\n(2 unchanged fields hidden)\n",
		},
		{
			"list of texts", hosts, "virtual_hosts: [{name: a, domains: [x, v]}]", "virtual_hosts: [{name: a, domains: [x, z, '']}]",
			"~ virtual_hosts[name=a].domains[1]: \"v\" -> \"z\"\n+ virtual_hosts[name=a].domains[2]: \"\"\n(2 unchanged fields hidden)\n",
		},
		{
			"filters", listener, fmt.Sprintf(hcm, "{name: router}"), fmt.Sprintf(hcm, "{name: buffer, disabled: true}, {name: router}"),
			"+ " + hcmPath + ".http_filters[name=buffer] (at index 0):\n    disabled: true\n    name: buffer\n(3 unchanged fields hidden)\n",
		},
		{
			"other type", cluster, "transport_socket: {typed_config: {'@type': type.googleapis.com/envoy.config.core.v3.Node, id: x}}",
			"transport_socket: {typed_config: {'@type': type.googleapis.com/envoy.config.core.v3.Locality}}",
			"~ transport_socket.typed_config:\n    - '@type': type.googleapis.com/envoy.config.core.v3.Node\n    - id: x\n    + '@type': type.googleapis.com/envoy.config.core.v3.Locality\n",
		},
		{
			"map", cluster, "typed_extension_protocol_options: {a: {'@type': type.googleapis.com/envoy.config.core.v3.Node, id: x}, 'b]': {}}",
			"typed_extension_protocol_options: {a: {'@type': type.googleapis.com/envoy.config.core.v3.Node, id: z}, c: {}}",
			"~ typed_extension_protocol_options[a][@type=envoy.config.core.v3.Node].id: \"x\" -> \"z\"\n" +
				"- typed_extension_protocol_options[\"b]\"]: {}\n+ typed_extension_protocol_options[c]: {}\n",
		},
		{
			"metadata", cluster, "metadata: {filter_metadata: {egraft.io: {policy: a, list: [1, x], same: {a: 1}}}}",
			"metadata: {filter_metadata: {egraft.io: {policy: b, list: [2, x], same: {a: 1}, more: {x: true}}}}",
			"~ metadata.filter_metadata[egraft.io][list][0]: 1 -> 2\n+ metadata.filter_metadata[egraft.io][more]:\n    x: true\n" +
				"~ metadata.filter_metadata[egraft.io][policy]: \"a\" -> \"b\"\n(2 unchanged fields hidden)\n",
		},
		{
			"secret", secret, "tls_certificate: {private_key: {inline_string: SECRET}, certificate_chain: {inline_string: a}}",
			"tls_certificate: {private_key: {inline_string: SECRET2}, certificate_chain: {inline_string: b}}",
			"~ tls_certificate.certificate_chain.inline_string: \"a\" -> \"b\"\n~ tls_certificate.private_key: \"[redacted]\" -> \"[redacted]\"\n",
		},
		{
			"added secret", cluster, fmt.Sprintf(tls, "sni: a"), fmt.Sprintf(tls, "sni: a, common_tls_context: {tls_certificates: [{private_key: {inline_string: SECRET}}]}"),
			"+ " + tlsPath + ".common_tls_context:\n    tls_certificates:\n    - private_key:\n        inline_string: '[redacted]'\n(2 unchanged fields hidden)\n",
		},
		{"secret that stays", secret, "name: a\ngeneric_secret: {secret: {inline_string: SECRET}}", "name: a\ngeneric_secret: {secret: {inline_string: SECRET}}", "(2 unchanged fields hidden)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			compare := func(before, after string) string {
				r, err := Messages(read(t, proto.Clone(test.of), before), read(t, proto.Clone(test.of), after))
				require.NoError(t, err)
				var out strings.Builder
				require.NoError(t, r.Write(&out, ""))
				require.NotContains(t, out.String(), "SECRET")
				return out.String()
			}
			require.Equal(t, test.want, compare(test.before, test.after))
			for _, same := range []string{test.before, test.after} {
				require.NotRegexp(t, `(?m)^[-+~]`, compare(same, same))
			}
		})
	}
	_, err := Messages(cluster, listener)
	require.EqualError(t, err, "compare messages of different types: envoy.config.cluster.v3.Cluster and envoy.config.listener.v3.Listener")
}

// TestMapsHaveNoOrder: maps in an Any can be encoded in any order.
func TestMapsHaveNoOrder(t *testing.T) {
	h := read(t, &hcmv3.HttpConnectionManager{}, "stat_prefix: x\nroute_config: {metadata: {filter_metadata: {a: {x: 1}, b: {x: 1}, c: {x: 1}, d: {x: 1}, e: {x: 1}}}}")
	seen := map[string]bool{}
	var first *listenerv3.Listener
	for range 50 {
		raw, err := proto.Marshal(h)
		require.NoError(t, err)
		seen[string(raw)] = true
		l := read(t, &listenerv3.Listener{}, "filter_chains: [{filters: [{name: hcm, typed_config: {'@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager}}]}]")
		l.GetFilterChains()[0].GetFilters()[0].GetTypedConfig().Value = raw
		if first == nil {
			first = l
		}
		r, err := Messages(first, l)
		require.NoError(t, err)
		require.Empty(t, r.Changes)
		require.Equal(t, 7, r.Unchanged)
	}
	require.Greater(t, len(seen), 1, "the bytes were the same each time, which shows nothing")
}

// TestUnreadable: unreadable content is compared, but not shown.
func TestUnreadable(t *testing.T) {
	of := func(value string) *corev3.TypedExtensionConfig {
		c := read(t, &corev3.TypedExtensionConfig{}, "typed_config: {'@type': type.googleapis.com/envoy.config.core.v3.Node}")
		c.TypedConfig.TypeUrl, c.TypedConfig.Value = "type.googleapis.com/example.com.Unknown", []byte(value)
		return c
	}
	r, err := Messages(of("SECRET"), of("SECRET2"))
	require.NoError(t, err)
	require.Len(t, r.Changes, 1)
	require.NotContains(t, fmt.Sprintf("%s", r.Changes), "SECRET")
	r, err = Messages(of("SECRET"), of("SECRET"))
	require.NoError(t, err)
	require.Equal(t, &Result{Changes: []Change{}, Unchanged: 1}, r)

	c := &clusterv3.Cluster{}
	c.ProtoReflect().SetUnknown([]byte{0xfa, 0xff, 0x03, 0x01, 'x'})
	r, err = Messages(&clusterv3.Cluster{}, c)
	require.NoError(t, err)
	require.Equal(t, "(fields of a newer API)", r.Changes[0].Path)
}
