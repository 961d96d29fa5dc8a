package xds_test

import (
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/xds"
)

// common is the content that all clusters share.
const common = `"perConnectionBufferLimitBytes": 32768, "ignoreHealthOnHostRemoval": true,
	"circuitBreakers": {"thresholds": [{"maxConnections": 1024, "maxPendingRequests": 1024, "maxRequests": 1024, "maxRetries": 1024}]}`

const (
	http1     = `"typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicitHttpConfig": {"httpProtocolOptions": {}}}}`
	http2     = `"typedExtensionProtocolOptions": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {"@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions", "explicitHttpConfig": {"http2ProtocolOptions": {"connectionKeepalive": {"interval": "30s", "timeout": "5s"}}}}}`
	keepalive = `"upstreamConnectionOptions": {"tcpKeepalive": {"keepaliveProbes": 3, "keepaliveTime": 300, "keepaliveInterval": 30}}`
	dns       = `"clusterType": {"name": "envoy.cluster.dns", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster", "dnsRefreshRate": "30s", "respectDnsTtl": true, "dnsLookupFamily": "V4_PREFERRED"}}`
)

func endpoints(addresses ...string) string {
	for i, a := range addresses {
		addresses[i] = `{"endpoint": {"address": {` + a + `}}}`
	}
	return `"loadAssignment": {"clusterName": "c", "endpoints": [{"lbEndpoints": [` + strings.Join(addresses, ",") + `]}]}`
}

func TestNewCluster(t *testing.T) {
	for name, c := range map[string]struct {
		options xds.ClusterOptions
		want    []string
	}{
		"static": {xds.ClusterOptions{Hosts: []string{"10.0.0.1:80", "[2001:db8::1]:65535"}}, []string{
			`"type": "STATIC", "connectTimeout": "10s"`, http1, keepalive,
			endpoints(`"socketAddress": {"address": "10.0.0.1", "portValue": 80}`, `"socketAddress": {"address": "2001:db8::1", "portValue": 65535}`),
		}},
		"strict DNS": {xds.ClusterOptions{Hosts: []string{"a.example.com:443", "10.0.0.1:443"}, HTTP2: true, ConnectTimeout: time.Second}, []string{
			dns, `"connectTimeout": "1s"`, http2, keepalive,
			endpoints(`"socketAddress": {"address": "a.example.com", "portValue": 443}`, `"socketAddress": {"address": "10.0.0.1", "portValue": 443}`),
		}},
		"TLS": {xds.ClusterOptions{Hosts: []string{"10.0.0.1:443"}, TLS: &tlsv3.UpstreamTlsContext{Sni: "a.example.com"}}, []string{
			`"type": "STATIC", "connectTimeout": "10s"`, http1, keepalive, endpoints(`"socketAddress": {"address": "10.0.0.1", "portValue": 443}`),
			`"transportSocket": {"name": "envoy.transport_sockets.tls", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "sni": "a.example.com"}}`,
		}},
		"socket": {xds.ClusterOptions{Socket: "/run/a.sock", HTTP2: true}, []string{
			`"type": "STATIC", "connectTimeout": "10s"`, http2, endpoints(`"pipe": {"path": "/run/a.sock"}`),
		}},
		"internal listener": {xds.ClusterOptions{InternalListener: "tunnel", PassMetadata: []string{"example.com"}}, []string{
			`"type": "STATIC", "connectTimeout": "10s"`, http1, endpoints(`"envoyInternalAddress": {"serverListenerName": "tunnel"}`),
			`"transportSocket": {"name": "envoy.transport_sockets.internal_upstream", "typedConfig": {
				"@type": "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
				"passthroughMetadata": [{"kind": {"host": {}}, "name": "example.com"}],
				"transportSocket": {"name": "envoy.transport_sockets.raw_buffer", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"}}}}`,
		}},
		"TLS to an internal listener": {xds.ClusterOptions{InternalListener: "tunnel", TLS: &tlsv3.UpstreamTlsContext{}}, []string{
			`"type": "STATIC", "connectTimeout": "10s"`, http1, endpoints(`"envoyInternalAddress": {"serverListenerName": "tunnel"}`),
			`"transportSocket": {"name": "envoy.transport_sockets.internal_upstream", "typedConfig": {
				"@type": "type.googleapis.com/envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport",
				"transportSocket": {"name": "envoy.transport_sockets.tls", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}}}}`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.Name = "c"
			want := &clusterv3.Cluster{}
			require.NoError(t, protojson.Unmarshal([]byte(`{"name": "c", `+common+", "+strings.Join(c.want, ", ")+"}"), want))
			got, err := xds.NewCluster(c.options)
			require.NoError(t, err)
			require.True(t, proto.Equal(want, got), "got %s\nwant %s", protojson.Format(got), protojson.Format(want))
		})
	}
}

func TestNewClusterErrors(t *testing.T) {
	const destination = "set exactly one of Hosts, Socket and InternalListener"
	for name, c := range map[string]struct {
		options xds.ClusterOptions
		err     string
	}{
		"nowhere":               {xds.ClusterOptions{}, destination},
		"two destinations":      {xds.ClusterOptions{Hosts: []string{"a:1"}, Socket: "/a"}, destination},
		"no port":               {xds.ClusterOptions{Hosts: []string{"a.example.com"}}, `host "a.example.com": must be host:port`},
		"no host":               {xds.ClusterOptions{Hosts: []string{":80"}}, `host ":80": must be host:port`},
		"port 0":                {xds.ClusterOptions{Hosts: []string{"a:0"}}, `host "a:0": the port must be from 1 to 65535`},
		"large port":            {xds.ClusterOptions{Hosts: []string{"a:65536"}}, `host "a:65536": the port must be from 1 to 65535`},
		"URL":                   {xds.ClusterOptions{Hosts: []string{"https://a:443"}}, `host "https://a:443": neither an address nor a name`},
		"long socket":           {xds.ClusterOptions{Socket: "/" + strings.Repeat("a", 107)}, `socket "/` + strings.Repeat("a", 107) + `": must have at most 107 bytes, and no NUL`},
		"NUL":                   {xds.ClusterOptions{Socket: "/a\x00"}, `socket "/a\x00": must have at most 107 bytes, and no NUL`},
		"metadata for hosts":    {xds.ClusterOptions{Hosts: []string{"a:1"}, PassMetadata: []string{"m"}}, "PassMetadata is for an internal listener"},
		"timeout of the past":   {xds.ClusterOptions{Hosts: []string{"a:1"}, ConnectTimeout: -1}, "invalid Cluster.ConnectTimeout: value must be greater than 0s"},
		"metadata without name": {xds.ClusterOptions{InternalListener: "l", PassMetadata: []string{""}}, "invalid InternalUpstreamTransport.PassthroughMetadata[0]: embedded message failed validation | caused by: invalid InternalUpstreamTransport_MetadataValueSource.Name: value length must be at least 1 runes"},
		"TLS":                   {xds.ClusterOptions{Hosts: []string{"a:1"}, TLS: &tlsv3.UpstreamTlsContext{Sni: strings.Repeat("a", 256)}}, "invalid UpstreamTlsContext.Sni: value length must be at most 255 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.Name = "c"
			_, err := xds.NewCluster(c.options)
			require.EqualError(t, err, `new cluster "c": `+c.err)
		})
	}
	_, err := xds.NewCluster(xds.ClusterOptions{Hosts: []string{"a:1"}})
	require.EqualError(t, err, "new cluster: a cluster needs a name")
}
