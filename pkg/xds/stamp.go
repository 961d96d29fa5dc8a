package xds

import (
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// StampMetadata sets values in the metadata of a route, virtual host, cluster or endpoint, for
// readers in Envoy: filters, access logs, load balancers. Other keys of the namespace stay. It
// returns md, or a new one if md is nil.
//
// Two namespaces are an error, because egraft reads them: [MetadataNamespace], and
// [GatewayMetadataNamespace], which determines the policies of a resource.
func StampMetadata(md *corev3.Metadata, namespace string, values map[string]any) (*corev3.Metadata, error) {
	if namespace == MetadataNamespace || namespace == GatewayMetadataNamespace || namespace == "" {
		return md, fmt.Errorf("metadata namespace %q cannot be set", namespace)
	}
	s, err := structpb.NewStruct(values)
	if err != nil {
		return md, fmt.Errorf("metadata namespace %q: %w", namespace, err)
	}
	if md == nil {
		md = &corev3.Metadata{}
	}
	if md.FilterMetadata == nil {
		md.FilterMetadata = map[string]*structpb.Struct{}
	}
	there := md.FilterMetadata[namespace]
	if len(there.GetFields()) == 0 {
		md.FilterMetadata[namespace] = s
		return md, nil
	}
	for key, value := range s.GetFields() {
		there.Fields[key] = value
	}
	return md, nil
}

// StampEndpoints is [StampMetadata] for every endpoint of a load assignment, either of the
// Endpoints hook or inside a cluster.
func StampEndpoints(e *endpointv3.ClusterLoadAssignment, namespace string, values map[string]any) (err error) {
	for _, locality := range e.GetEndpoints() {
		for _, endpoint := range locality.GetLbEndpoints() {
			if endpoint.Metadata, err = StampMetadata(endpoint.GetMetadata(), namespace, values); err != nil {
				return err
			}
		}
	}
	return nil
}
