package extension_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/extension"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// counts counts observed results.
type counts struct {
	mu       sync.Mutex
	of       map[string]int
	policies []string // for each call: the Gateway and the number of policies
}

// Outcomes implements [extension.Observer].
func (c *counts) Outcomes(_ mutator.Hook, feature, result string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[feature+" "+result] += n
}

// Policies implements [extension.Observer].
func (c *counts) Policies(gateway string, outcomes []mutator.PolicyOutcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies = append(c.policies, fmt.Sprint(gateway, " ", len(outcomes)))
}

// serve runs the service with the features on a Unix socket and returns a connection that sends and
// receives raw fields.
func serve(t *testing.T, features []mutator.Feature) *grpc.ClientConn {
	t.Helper()
	return serveObserved(t, features, &counts{})
}

func serveObserved(t *testing.T, features []mutator.Feature, observer *counts) *grpc.ClientConn {
	t.Helper()
	return servePublishing(t, features, observer, nil)
}

func servePublishing(t *testing.T, features []mutator.Feature, observer *counts, to extension.Publisher) *grpc.ClientConn {
	t.Helper()
	e, err := engine.New(features)
	require.NoError(t, err)
	s := grpc.NewServer(grpc.ForceServerCodecV2(wire.Codec()), grpc.MaxRecvMsgSize(64<<20))
	extension.New(extension.Config{Engine: e, Log: slog.New(slog.DiscardHandler), Observer: observer, Publisher: to}).Register(s)
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func invoke(t *testing.T, conn *grpc.ClientConn, method string, req *wire.Message) (*wire.Message, error) {
	t.Helper()
	res := &wire.Message{}
	err := conn.Invoke(t.Context(), "/"+extension.ServiceName+"/"+method, req, res, grpc.ForceCodecV2(wire.Codec()))
	return res, err
}

// unknown appends a field that no version of any message has.
func unknown(b []byte) []byte {
	b = protowire.AppendTag(b, 49_999, protowire.BytesType)
	return protowire.AppendString(b, "from the future")
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

// TestSingleResourceIsEchoed: each kind of resource is returned byte for byte.
func TestSingleResourceIsEchoed(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	for method, full := range map[string]proto.Message{
		"PostRouteModify":        &routev3.Route{Name: "r", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}},
		"PostVirtualHostModify":  &routev3.VirtualHost{Name: "v", Domains: []string{"*"}},
		"PostHTTPListenerModify": &listenerv3.Listener{Name: "no-http-connection-manager"},
		"PostClusterModify":      &clusterv3.Cluster{Name: "c"},
		"PostEndpointsModify":    &endpointv3.ClusterLoadAssignment{ClusterName: "e"},
	} {
		for name, resource := range map[string][]byte{
			"full":           encode(t, full),
			"unknown fields": unknown(append(unknown(nil), encode(t, full)...)),
			"empty":          {},
		} {
			t.Run(method+"/"+name, func(t *testing.T) {
				req := &wire.Message{}
				req.Add(1, resource)
				res, err := invoke(t, conn, method, req)
				require.NoError(t, err)
				require.Equal(t, [][]byte{resource}, res.All(1))
			})
		}
		t.Run(method+"/nil", func(t *testing.T) {
			res, err := invoke(t, conn, method, &wire.Message{})
			require.NoError(t, err)
			require.Empty(t, res.Fields, "nothing was sent, nothing comes back")
		})
	}
}

// TestTranslationIsEchoed sends clusters of every discovery type and routes with every action.
// Their order and duplicates must be preserved.
func TestTranslationIsEchoed(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	req := &wire.Message{}
	for _, c := range clusters() {
		req.Add(2, unknown(encode(t, c)), encode(t, c))
	}
	req.Add(3, unknown(encode(t, &tlsv3.Secret{Name: "s"})), []byte{})
	req.Add(4, encode(t, &listenerv3.Listener{Name: "tcp"}))
	req.Add(5, unknown(encode(t, routes())))
	res, err := invoke(t, conn, "PostTranslateModify", req)
	require.NoError(t, err)
	for request, response := range map[protowire.Number]protowire.Number{2: 1, 3: 2, 4: 3, 5: 4} {
		require.Equal(t, req.All(request), res.All(response))
	}
}

func TestEmptyTranslation(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	res, err := invoke(t, conn, "PostTranslateModify", &wire.Message{})
	require.NoError(t, err)
	require.Empty(t, res.Fields)
}

func TestBytesThatAreNoMessage(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	req := &wire.Message{}
	req.Add(1, []byte("\xff\xff"))
	_, err := invoke(t, conn, "PostTranslateModify", req)
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.ErrorContains(t, err, "context of PostTranslateModify")
}

func TestUnknownCustomResourcesArePassedOver(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	for name, object := range map[string]string{
		"of somebody else": `{"apiVersion":"example.com/v1","kind":"Other","metadata":{"name":"x"}}`,
		"no JSON":          `]`,
		"empty":            ``,
	} {
		t.Run(name, func(t *testing.T) {
			resource, ctx, req := &wire.Message{}, &wire.Message{}, &wire.Message{}
			resource.Add(1, []byte(object))
			ctx.Add(1, resource.Append(nil))
			req.Add(1, ctx.Append(nil))
			req.Add(2, encode(t, clusters()[0]))
			res, err := invoke(t, conn, "PostTranslateModify", req)
			require.NoError(t, err)
			require.Equal(t, req.All(2), res.All(1))
		})
	}
}

// TestFailIsAnError covers the only intended error: a feature whose failure policy is Fail.
func TestFailIsAnError(t *testing.T) {
	seen := &counts{}
	conn := serveObserved(t, []mutator.Feature{{
		Name: "broken", Hooks: []mutator.Hook{mutator.HookCluster}, FailurePolicy: mutator.Fail,
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(context.Context, *mutator.Input, *clusterv3.Cluster) error {
			panic("on purpose")
		}},
	}}, seen)
	req := &wire.Message{}
	req.Add(1, encode(t, clusters()[0]))
	_, err := invoke(t, conn, "PostClusterModify", req)
	require.Equal(t, codes.Internal, status.Code(err))
	require.ErrorContains(t, err, `mutator broken on Cluster "STATIC": panic: on purpose`)
	require.Equal(t, map[string]int{"broken call-failed": 1, "broken panicked": 1}, seen.of)
}

// TestOutcomesAreCounted has two features, each on some of the clusters.
func TestOutcomesAreCounted(t *testing.T) {
	on := func(name string, not string) mutator.Feature {
		return mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: mutator.Func[*clusterv3.Cluster]{
			When: func(_ *mutator.Input, c mutator.View) bool { return c.Name() != not },
			Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
				if c.GetName() == "a" {
					c.AltStatName = name
				}
				return nil
			},
		}}
	}
	seen := &counts{}
	conn := serveObserved(t, []mutator.Feature{on("one", "b"), on("two", "c")}, seen)
	req := &wire.Message{}
	for _, name := range []string{"a", "b", "c", "d", "d"} {
		req.Add(2, encode(t, &clusterv3.Cluster{Name: name}))
	}
	_, err := invoke(t, conn, "PostTranslateModify", req)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"one applied": 1, "one unchanged": 3, "two applied": 1, "two unchanged": 3}, seen.of)
}
