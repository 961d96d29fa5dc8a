package faulty

import (
	"context"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the name of the feature.
const Name = "faulty"

// New returns the feature. It is called in every hook, with every kind of resource.
func New(faults []Fault) mutator.Feature {
	return mutator.Feature{
		Name: Name, Hooks: mutator.Hooks(), NeedsRoutes: true,
		Routes:              failing[*routev3.Route](faults, mutator.KindRoute),
		VirtualHosts:        failing[*routev3.VirtualHost](faults, mutator.KindVirtualHost),
		Listeners:           failing[*listenerv3.Listener](faults, mutator.KindListener),
		Clusters:            failing[*clusterv3.Cluster](faults, mutator.KindCluster),
		Endpoints:           failing[*endpointv3.ClusterLoadAssignment](faults, mutator.KindEndpoints),
		Secrets:             failing[*tlsv3.Secret](faults, mutator.KindSecret),
		RouteConfigurations: failing[*routev3.RouteConfiguration](faults, mutator.KindRouteConfiguration),
	}
}

// named is implemented by all of Envoy's resources except load assignments.
type named interface{ GetName() string }

// failing is the mutator of one kind of resource.
func failing[T proto.Message](faults []Fault, kind mutator.Kind) mutator.Func[T] {
	find := func(hook mutator.Hook, name string) (Fault, bool) {
		for _, f := range faults {
			if f.Hook == hook && f.Kind == kind && strings.Contains(name, f.Name) {
				return f, true
			}
		}
		return Fault{}, false
	}
	return mutator.Func[T]{
		When: func(in *mutator.Input, view mutator.View) bool {
			_, found := find(in.Hook, view.Name())
			return found
		},
		Do: func(ctx context.Context, in *mutator.Input, target T) error {
			f, found := find(in.Hook, nameOf(target))
			if !found {
				return nil
			}
			return f.happen(ctx)
		},
	}
}

func nameOf(resource proto.Message) string {
	switch resource := resource.(type) {
	case *endpointv3.ClusterLoadAssignment:
		return resource.GetClusterName()
	case named:
		return resource.GetName()
	default:
		return ""
	}
}
