package xds

import (
	"errors"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/type/metadata/v3"
	"google.golang.org/protobuf/proto"
)

// socketOf returns the transport socket of a cluster: TLS, the socket that passes metadata to an
// internal listener, both, or nil.
func socketOf(o ClusterOptions) (*corev3.TransportSocket, error) {
	if len(o.PassMetadata) > 0 && o.InternalListener == "" {
		return nil, errors.New("PassMetadata is for an internal listener")
	}
	if o.InternalListener == "" {
		if o.TLS == nil {
			return nil, nil
		}
		return socket(TLSSocketName, o.TLS)
	}
	inner, err := socket("envoy.transport_sockets.raw_buffer", &rawv3.RawBuffer{})
	if o.TLS != nil {
		inner, err = socket(TLSSocketName, o.TLS)
	}
	if err != nil {
		return nil, err
	}
	internal := &internalv3.InternalUpstreamTransport{TransportSocket: inner}
	for _, namespace := range o.PassMetadata {
		internal.PassthroughMetadata = append(internal.PassthroughMetadata, &internalv3.InternalUpstreamTransport_MetadataValueSource{
			Kind: &metadatav3.MetadataKind{Kind: &metadatav3.MetadataKind_Host_{Host: &metadatav3.MetadataKind_Host{}}},
			Name: namespace,
		})
	}
	return socket("envoy.transport_sockets.internal_upstream", internal)
}

// validated is a message with validation of Envoy's constraints.
type validated interface {
	proto.Message
	ValidateAll() error
}

func socket(name string, config validated) (*corev3.TransportSocket, error) {
	if err := config.ValidateAll(); err != nil { // Any hides it from later validation
		return nil, err
	}
	a, err := Any(config)
	if err != nil {
		return nil, err
	}
	return &corev3.TransportSocket{Name: name, ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: a}}, nil
}
