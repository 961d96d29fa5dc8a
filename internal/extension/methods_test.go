package extension

import (
	"testing"

	extpb "github.com/envoyproxy/gateway/proto/extension"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// TestMethodsAgreeWithEnvoyGateway compares methods with the descriptors in Envoy Gateway's module.
func TestMethodsAgreeWithEnvoyGateway(t *testing.T) {
	service := extpb.File_proto_extension_service_proto.Services().ByName("EnvoyGatewayExtension")
	require.Equal(t, ServiceName, string(service.FullName()))
	require.Len(t, methods(), service.Methods().Len(), "a call that is not served is Unimplemented")
	for _, m := range methods() {
		rpc := service.Methods().ByName(protoreflect.Name(m.name))
		require.NotNil(t, rpc, m.name)
		ctx := rpc.Input().Fields().ByNumber(m.context)
		require.Contains(t, string(ctx.Name()), "_context", m.name)
		requireObjects(t, ctx.Message(), m)
		resources := 0
		for i := range rpc.Input().Fields().Len() {
			if f := rpc.Input().Fields().Get(i); f.Number() != m.context {
				requireResource(t, rpc, f, m)
				resources++
			}
		}
		require.Len(t, m.resources, resources, m.name)
	}
}

// requireObjects checks that method has every list of ExtensionResource in the context.
func requireObjects(t *testing.T, ctx protoreflect.MessageDescriptor, m method) {
	t.Helper()
	var objects []protowire.Number
	for i := range ctx.Fields().Len() {
		f := ctx.Fields().Get(i)
		if f.Kind() == protoreflect.MessageKind && f.Message().Name() == "ExtensionResource" {
			objects = append(objects, f.Number())
			require.Equal(t, "unstructured_bytes", string(f.Message().Fields().ByNumber(unstructuredBytes).Name()))
		}
		if f.Name() == "hostnames" {
			require.Equal(t, f.Number(), m.hostnames, m.name)
		}
	}
	require.ElementsMatch(t, objects, m.objects, m.name)
}

func requireResource(t *testing.T, rpc protoreflect.MethodDescriptor, f protoreflect.FieldDescriptor, m method) {
	t.Helper()
	for _, r := range m.resources {
		if r.request == f.Number() {
			require.Equal(t, string(f.Message().Name()), string(r.kind), "%s.%s", m.name, f.Name())
			require.Equal(t, f.IsList(), r.isRepeatable, "%s.%s", m.name, f.Name())
			answer := rpc.Output().Fields().ByNumber(r.response)
			require.Equal(t, f.Name(), answer.Name(), m.name)
			return
		}
	}
	t.Errorf("%s.%s is not served", m.name, f.Name())
}

// TestMethodsAgreeWithHooks compares methods with the documentation of hooks for authors of
// features.
func TestMethodsAgreeWithHooks(t *testing.T) {
	named := mutator.Feature{
		Hooks:    mutator.Hooks(),
		Policies: make([]policy.Kind, 1), Filters: make([]policy.Kind, 1), Backends: make([]policy.Kind, 1),
	}
	var hooks []mutator.Hook
	for _, m := range methods() {
		var kinds []mutator.Kind
		for _, r := range m.resources {
			kinds = append(kinds, r.kind)
		}
		require.ElementsMatch(t, m.hook.Kinds(), kinds, m.name)
		require.Equal(t, len(named.ObjectsIn(m.hook)) > 0, len(m.objects) > 0, m.name)
		require.Equal(t, "/"+ServiceName+"/"+m.name, FullMethod(m.hook))
		require.Equal(t, string(m.hook), Hooks()[FullMethod(m.hook)])
		hooks = append(hooks, m.hook)
	}
	require.ElementsMatch(t, mutator.Hooks(), hooks)
	require.Empty(t, FullMethod("Other"))
}
