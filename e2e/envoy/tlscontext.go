package envoy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

const upstreamTLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"

// TLS returns all TLS contexts in a cluster.
func (c Cluster) TLS() ([]*tlsv3.UpstreamTlsContext, error) {
	var out []*tlsv3.UpstreamTlsContext
	for _, found := range typed(map[string]any(c), upstreamTLS) {
		content, err := json.Marshal(found)
		if err != nil {
			return nil, fmt.Errorf("TLS context of cluster %v: %w", c["name"], err)
		}
		context := &tlsv3.UpstreamTlsContext{}
		if err := protojson.Unmarshal(content, context); err != nil {
			return nil, fmt.Errorf("TLS context of cluster %v: %w", c["name"], err)
		}
		out = append(out, context)
	}
	return out, nil
}

// typed returns all messages of a type in a JSON tree, without their types.
func typed(tree any, url string) []map[string]any {
	switch tree := tree.(type) {
	case map[string]any:
		if tree["@type"] == url {
			message := maps.Clone(tree)
			delete(message, "@type")
			return []map[string]any{message}
		}
		var out []map[string]any
		for _, key := range slices.Sorted(maps.Keys(tree)) {
			out = append(out, typed(tree[key], url)...)
		}
		return out
	case []any:
		var out []map[string]any
		for _, each := range tree {
			out = append(out, typed(each, url)...)
		}
		return out
	default:
		return nil
	}
}
