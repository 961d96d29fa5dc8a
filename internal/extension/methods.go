package extension

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/pkg/mutator"
)

// ServiceName is the gRPC service that Envoy Gateway calls.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/proto/extension/service.proto
const ServiceName = "envoygateway.extension.EnvoyGatewayExtension"

// method describes an RPC by the numbers of its fields; a test compares them with Envoy Gateway's
// descriptors.
type method struct {
	name      string
	hook      mutator.Hook
	context   protowire.Number   // in the request
	objects   []protowire.Number // in the context: ExtensionResource
	hostnames protowire.Number   // in the context, 0 if it has none
	resources []resource
}

// resource is a resource field of a request and its response.
type resource struct {
	kind         mutator.Kind
	request      protowire.Number
	response     protowire.Number
	isRepeatable bool
}

// unstructuredBytes is the field of ExtensionResource that holds the object as JSON.
const unstructuredBytes protowire.Number = 1

func single(k mutator.Kind) []resource { return []resource{{k, 1, 1, false}} }

// methods lists the methods of the service.
func methods() []method {
	return []method{
		{
			name: "PostRouteModify", hook: mutator.HookRoute,
			context: 2, objects: []protowire.Number{1, 3}, hostnames: 2,
			resources: single(mutator.KindRoute),
		},
		{
			name: "PostVirtualHostModify", hook: mutator.HookVirtualHost,
			context: 2, resources: single(mutator.KindVirtualHost),
		},
		{
			name: "PostHTTPListenerModify", hook: mutator.HookHTTPListener,
			context: 2, objects: []protowire.Number{1}, resources: single(mutator.KindListener),
		},
		{
			name: "PostClusterModify", hook: mutator.HookCluster,
			context: 2, objects: []protowire.Number{1}, resources: single(mutator.KindCluster),
		},
		{
			name: "PostEndpointsModify", hook: mutator.HookEndpoints,
			context: 2, resources: single(mutator.KindEndpoints),
		},
		{
			name: "PostTranslateModify", hook: mutator.HookTranslation,
			context: 1, objects: []protowire.Number{1},
			resources: []resource{
				{mutator.KindCluster, 2, 1, true},
				{mutator.KindSecret, 3, 2, true},
				{mutator.KindListener, 4, 3, true},
				{mutator.KindRouteConfiguration, 5, 4, true},
			},
		},
	}
}

// fullMethod returns the full gRPC name of the method.
func (m *method) fullMethod() string { return "/" + ServiceName + "/" + m.name }

// FullMethod returns the gRPC method that Envoy Gateway calls for a hook, or an empty string.
func FullMethod(h mutator.Hook) string {
	for _, m := range methods() {
		if m.hook == h {
			return m.fullMethod()
		}
	}
	return ""
}

// Hooks returns the hooks by gRPC method.
func Hooks() map[string]string {
	out := map[string]string{}
	for _, m := range methods() {
		out[m.fullMethod()] = string(m.hook)
	}
	return out
}
