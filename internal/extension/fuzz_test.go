package extension

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	extpb "github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
)

// methodsOf is a registrar that keeps the registered methods.
type methodsOf struct {
	service any
	methods []grpc.MethodDesc
}

// RegisterService implements grpc.ServiceRegistrar.
func (m *methodsOf) RegisterService(desc *grpc.ServiceDesc, service any) {
	m.service, m.methods = service, desc.Methods
}

// call handles the bytes of a request as gRPC does.
func (m *methodsOf) call(t *testing.T, method grpc.MethodDesc, codec encoding.CodecV2, request []byte) ([]byte, error) {
	t.Helper()
	answer, err := method.Handler(m.service, t.Context(), func(v any) error {
		return codec.Unmarshal(mem.BufferSlice{mem.SliceBuffer(bytes.Clone(request))}, v)
	}, nil)
	if err != nil {
		return nil, err
	}
	out, err := codec.Marshal(answer)
	require.NoError(t, err)
	return out.Materialize(), nil
}

// outcomeCount counts outcomes of mutators.
type outcomeCount struct{ atomic.Int64 }

// Policies implements [Observer].
func (c *outcomeCount) Policies(string, []mutator.PolicyOutcome) {}

func (c *outcomeCount) Outcomes(_ mutator.Hook, _, _ string, n int) { c.Add(int64(n)) }

// FuzzCalls sends arbitrary bytes to every method. A request that the generated types can parse
// gets a response that they can parse. No resource is lost, and unmodified resources are returned
// byte for byte.
func FuzzCalls(f *testing.F) {
	e, err := engine.New(catalog.Builtin(catalog.Options{}), engine.WithCache(1<<20))
	require.NoError(f, err)
	seen, served := &outcomeCount{}, &methodsOf{}
	New(Config{Engine: e, Log: slog.New(slog.DiscardHandler), Observer: seen}).Register(served)
	seed(f)
	codec, table := wire.Codec(), methods()
	f.Fuzz(func(t *testing.T, number uint8, request []byte) {
		m := table[int(number)%len(table)]
		seen.Store(0)
		answer, err := served.call(t, served.methods[int(number)%len(table)], codec, request)
		if err != nil {
			if lacksResource(m, request) {
				return // a hook without the resource to edit
			}
			require.Error(t, proto.Unmarshal(request, message(t, m.name+"Request")), "%s rejected: %v", m.name, err)
			return
		}
		if proto.Unmarshal(request, message(t, m.name+"Request")) == nil {
			require.NoError(t, proto.Unmarshal(answer, message(t, m.name+"Response")))
		}
		requireNothingLost(t, m, request, answer, seen.Load() == 0 && !bytes.Contains(request, []byte("egraft.io")))
	})
}

// lacksResource reports whether a call for a single resource has none.
func lacksResource(m method, request []byte) bool {
	req, err := wire.Parse(request)
	return err == nil && !m.resources[0].isRepeatable && len(m.resources[0].read(req)) == 0
}

// requireNothingLost compares the resources of a request and its response.
func requireNothingLost(t *testing.T, m method, request, answer []byte, untouched bool) {
	t.Helper()
	req, err := wire.Parse(request)
	require.NoError(t, err)
	res, err := wire.Parse(answer)
	require.NoError(t, err)
	for _, r := range m.resources {
		sent, got := r.read(req), res.All(r.response)
		if r.kind == mutator.KindSecret && !untouched { // unused Secrets may be pruned
			for _, g := range got {
				require.True(t, slices.ContainsFunc(sent, func(s []byte) bool { return bytes.Equal(s, g) }), "a secret that did not come")
			}
			continue
		}
		require.GreaterOrEqual(t, len(got), len(sent), "%s of %s", r.kind, m.name)
		if untouched {
			require.Len(t, got, len(sent))
			for i := range sent {
				require.True(t, bytes.Equal(sent[i], got[i]), "%s %d of %s", r.kind, i, m.name)
			}
		}
	}
}

// message returns an empty message of Envoy Gateway's service.
func message(t testing.TB, name string) proto.Message {
	t.Helper()
	typ, err := protoregistry.GlobalTypes.FindMessageByName("envoygateway.extension." + protoreflect.FullName(name))
	require.NoError(t, err)
	return typ.New().Interface()
}

// fuzzPolicy applies to every cluster of a Gateway default/eg.
const fuzzPolicy = `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":"mtls"},"spec":{
	"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],
	"trustDomain":"example.org","workloadIdentifier":"/envoy","peers":[{"exact":"spiffe://example.org/echo"}]}}`

// seed adds requests made from the golden files in Envoy Gateway's module.
func seed(f *testing.F) {
	f.Helper()
	seeds := 0
	add := func(name string, request proto.Message) {
		b, err := proto.Marshal(request)
		require.NoError(f, err)
		for i, m := range methods() {
			if m.name == name {
				seeds++
				f.Add(uint8(i), b)
			}
		}
	}
	objects := []*extpb.ExtensionResource{{UnstructuredBytes: []byte(fuzzPolicy)}}
	for _, name := range []string{"http-route", "tls-with-ciphers-versions-alpn", "http-route-dns-cluster", "tcp-route-simple", "jwt-single-route-single-match"} {
		req := &extpb.PostTranslateModifyRequest{
			PostTranslateContext: &extpb.PostTranslateExtensionContext{ExtensionResources: objects},
			Clusters:             golden(f, name+".clusters", func() *clusterv3.Cluster { return &clusterv3.Cluster{} }),
			Routes:               golden(f, name+".routes", func() *routev3.RouteConfiguration { return &routev3.RouteConfiguration{} }),
			Listeners:            golden(f, name+".listeners", func() *listenerv3.Listener { return &listenerv3.Listener{} }),
		}
		add("PostTranslateModify", req)
		for _, c := range req.Clusters {
			add("PostClusterModify", &extpb.PostClusterModifyRequest{Cluster: c, PostClusterContext: &extpb.PostClusterExtensionContext{BackendExtensionResources: objects}})
		}
		for _, l := range req.Listeners {
			add("PostHTTPListenerModify", &extpb.PostHTTPListenerModifyRequest{Listener: l})
		}
		for _, rc := range req.Routes {
			vh := rc.GetVirtualHosts()[0]
			add("PostVirtualHostModify", &extpb.PostVirtualHostModifyRequest{VirtualHost: vh})
			add("PostRouteModify", &extpb.PostRouteModifyRequest{Route: vh.GetRoutes()[0], PostRouteContext: &extpb.PostRouteExtensionContext{Hostnames: vh.GetDomains(), ExtensionResources: objects}})
		}
	}
	require.Greater(f, seeds, 20)
	add("PostEndpointsModify", &extpb.PostEndpointsModifyRequest{})
	seedCases(f)
}

// seedCases adds requests made from the test cases of all mutators.
func seedCases(f *testing.F) {
	f.Helper()
	cases, err := filepath.Glob("../../pkg/features/*/testdata/*/in.yaml")
	require.NoError(f, err)
	seeds := 0
	for _, path := range cases {
		calls, err := mutatortest.ReadCalls(path)
		require.NoError(f, err)
		for _, call := range calls {
			for i, m := range methods() {
				if m.hook == call.Hook {
					seeds++
					f.Add(uint8(i), m.request(call))
				}
			}
		}
	}
	require.GreaterOrEqual(f, seeds, len(cases))
}

// request encodes a call as Envoy Gateway does.
func (m *method) request(call *engine.Call) []byte {
	ctx, req := &wire.Message{}, &wire.Message{}
	for _, object := range call.Objects {
		resource := &wire.Message{}
		resource.Add(unstructuredBytes, object)
		ctx.Add(m.objects[len(m.objects)-1], resource.Append(nil))
	}
	for _, host := range call.Hostnames {
		ctx.Add(m.hostnames, []byte(host))
	}
	req.Add(m.context, ctx.Append(nil))
	for _, list := range call.Resources {
		for _, r := range m.resources {
			if r.kind == list.Kind {
				req.Add(r.request, list.Encoded...)
			}
		}
	}
	return req.Append(nil)
}

// golden reads a golden file. It skips missing files, and resources with types that this test does
// not import.
func golden[T proto.Message](f *testing.F, name string, newMessage func() T) (out []T) {
	f.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway").Output()
	require.NoError(f, err)
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal/xds/translator/testdata/out/xds-ir", name+".yaml"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(f, err)
	var items []json.RawMessage
	require.NoError(f, yaml.Unmarshal(data, &items))
	for _, item := range items {
		if m := newMessage(); protojson.Unmarshal(item, m) == nil {
			out = append(out, m)
		}
	}
	return out
}
