package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// SoakVariable sets how long TestSoak runs, as a Go duration.
const SoakVariable = "EGRAFT_SOAK"

// callsPerMinute is one hour of calls in a minute, for a Gateway that changes every second.
const callsPerMinute = 3600

// soaked holds the values that must not grow.
type soaked struct {
	goroutines, descriptors int
	heap                    uint64
}

func soakedNow(t *testing.T) soaked {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers of the first run released
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return soaked{runtime.NumGoroutine(), len(open), m.HeapAlloc}
}

// TestSoak serves calls with new content on new connections, twice as long after the first
// measurement as before it.
func TestSoak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc")
	}
	total := 3 * time.Second
	if text := os.Getenv(SoakVariable); text != "" {
		var err error
		total, err = time.ParseDuration(text)
		require.NoError(t, err, SoakVariable)
	}
	socket := filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	go func() {
		args := []string{"serve", "--socket", socket, "--admin-address", "off", "--cache-size", "1Mi", "--kubernetes-outcomes", "never"}
		code <- run(ctx, args, &program{features: withHello, stdout: io.Discard, stderr: io.Discard})
	}()
	require.Eventually(t, func() bool {
		return egraft(ctx, nil, "healthcheck", "--socket", socket).code == ExitOK
	}, 20*time.Second, 5*time.Millisecond)
	s := &soak{T: t, socket: socket}
	wanted := int(callsPerMinute * total.Minutes())
	s.run(total/3, wanted/3)
	before := soakedNow(t)
	calls := s.calls
	s.run(2*total/3, wanted)
	// Resources of a connection are released a moment after its end. Some of the idle goroutines
	// may not have been needed before.
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		now := soakedNow(t)
		assert.LessOrEqual(c, now.goroutines, before.goroutines+warm)
		assert.LessOrEqual(c, now.descriptors, before.descriptors+1)
	}, 10*time.Second, 50*time.Millisecond)
	after := soakedNow(t)
	require.Less(t, after.heap, before.heap+4<<20, "bytes after %d calls, and %d after %d", before.heap, after.heap, s.calls)
	require.Greater(t, s.calls, calls+20)
	t.Logf("%d calls: %+v; %d calls: %+v", calls, before, s.calls, after)
	cancel()
	require.Equal(t, ExitOK, <-code)
}

// soak makes calls.
type soak struct {
	*testing.T
	socket string
	mu     sync.Mutex
	calls  int
}

// run keeps several clients busy for some time, and longer on a slow machine until they have made
// the number of calls.
func (s *soak) run(d time.Duration, calls int) {
	end := time.Now().Add(d)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !s.Failed() && (time.Now().Before(end) || s.made() < calls) {
				s.connect(s.Context())
			}
		})
	}
	clients.Wait()
}

// connect makes some calls on a new connection.
func (s *soak) connect(ctx context.Context) {
	conn, err := grpc.NewClient("unix:"+s.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.Errorf("connect: %v", err)
		return
	}
	defer conn.Close()
	client := extension.NewEnvoyGatewayExtensionClient(conn)
	for range 20 {
		n := s.next()
		answer, err := client.PostTranslateModify(ctx, soakTranslation(n))
		for _, c := range answer.GetClusters()[:min(20, len(answer.GetClusters()))] {
			if len(c.GetTransportSocketMatches()) == 0 && c.GetTransportSocket() == nil && c.GetType() != clusterv3.Cluster_STATIC {
				s.Errorf("call %d: %s is as it was", n, c.GetName())
			}
		}
		if err == nil {
			err = soakSingle(ctx, client, n)
		}
		if err != nil {
			s.Errorf("call %d: %v", n, err)
			return
		}
	}
}

// soakSingle makes a call of each hook for a single resource.
func soakSingle(ctx context.Context, client extension.EnvoyGatewayExtensionClient, n int) error {
	name := fmt.Sprint(n)
	policy := &extension.ExtensionResource{UnstructuredBytes: soakPolicy(n, "HTTPRoute", "web")}
	route := &routev3.Route{Name: name, Metadata: soakMetadata(), Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}}
	_, a := client.PostRouteModify(ctx, &extension.PostRouteModifyRequest{
		Route: route, PostRouteContext: &extension.PostRouteExtensionContext{ExtensionPolicies: []*extension.ExtensionResource{policy}},
	})
	_, b := client.PostVirtualHostModify(ctx, &extension.PostVirtualHostModifyRequest{VirtualHost: &routev3.VirtualHost{Name: name}})
	_, c := client.PostHTTPListenerModify(ctx, &extension.PostHTTPListenerModifyRequest{Listener: &listenerv3.Listener{Name: name}})
	_, d := client.PostClusterModify(ctx, &extension.PostClusterModifyRequest{Cluster: &clusterv3.Cluster{Name: name}})
	_, e := client.PostEndpointsModify(ctx, &extension.PostEndpointsModifyRequest{LoadAssignment: &endpointv3.ClusterLoadAssignment{ClusterName: name}})
	return cmp.Or(a, b, c, d, e)
}

func (s *soak) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *soak) next() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.calls
}

// soakTranslation returns a translation with another policy, valid and invalid in turn, and other
// clusters each time.
func soakTranslation(n int) *extension.PostTranslateModifyRequest {
	req := &extension.PostTranslateModifyRequest{PostTranslateContext: &extension.PostTranslateExtensionContext{
		ExtensionResources: []*extension.ExtensionResource{{UnstructuredBytes: soakPolicy(n, "Gateway", "eg")}},
	}}
	for i := range 20 {
		req.Clusters = append(req.Clusters, &clusterv3.Cluster{
			Name: fmt.Sprintf("httproute/default/%d/rule/%d", n, i), ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			Metadata: soakMetadata(),
		})
	}
	return req
}

// soakPolicy returns a different policy for each number, invalid for odd ones.
func soakPolicy(n int, kind, target string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":"p%d"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"%s","name":"%s"}],
		"trustDomain":"example.org","workloadIdentifier":"/envoy%d","allowAnyInTrustDomain":%t}}`, n, kind, target, n, n%2 == 0)
}

// soakMetadata returns the metadata of resources that belong to the HTTPRoute default/web.
func soakMetadata() *corev3.Metadata {
	route, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "HTTPRoute", "namespace": "default", "name": "web"}}})
	if err != nil {
		panic(err) // a constant
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": route}}
}
