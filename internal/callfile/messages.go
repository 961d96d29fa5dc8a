package callfile

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// Message is a resource that can be validated.
type Message interface {
	proto.Message
	ValidateAll() error
}

// Kinds returns the kinds in the order of the resources in a call.
func Kinds() []mutator.Kind {
	return []mutator.Kind{
		mutator.KindRoute, mutator.KindVirtualHost, mutator.KindCluster, mutator.KindSecret,
		mutator.KindListener, mutator.KindRouteConfiguration, mutator.KindEndpoints,
	}
}

// NewMessage returns an empty resource of a kind.
func NewMessage(k mutator.Kind) (Message, error) {
	switch k {
	case mutator.KindRoute:
		return &routev3.Route{}, nil
	case mutator.KindVirtualHost:
		return &routev3.VirtualHost{}, nil
	case mutator.KindListener:
		return &listenerv3.Listener{}, nil
	case mutator.KindCluster:
		return &clusterv3.Cluster{}, nil
	case mutator.KindEndpoints:
		return &endpointv3.ClusterLoadAssignment{}, nil
	case mutator.KindSecret:
		return &tlsv3.Secret{}, nil
	case mutator.KindRouteConfiguration:
		return &routev3.RouteConfiguration{}, nil
	}
	return nil, fmt.Errorf("there is no kind %q of resources", k)
}

// Decode decodes a resource.
func Decode(k mutator.Kind, raw []byte) (Message, error) {
	m, err := NewMessage(k)
	if err != nil {
		return nil, err
	}
	return m, proto.Unmarshal(raw, m)
}

// NameOf returns the name of a resource.
func NameOf(k mutator.Kind, raw []byte) (string, error) {
	m, err := NewMessage(k)
	if err != nil {
		return "", err
	}
	return wire.NewView(wire.FieldNumbersOf(m), raw).Name(), nil
}
