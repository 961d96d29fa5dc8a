// Package ads is a control plane for experiments with one real Envoy. It sends exactly what the
// experiment sets, when the experiment sets it, such as endpoints that arrive long after their
// cluster.
//
// It speaks the incremental protocol on one aggregated stream, as Envoy Gateway does. It does not
// check what it sends. The product must not use it.
package ads

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// typePrefix precedes the full name of a message in its type URL.
const typePrefix = "type.googleapis.com/"

// order is the order in which types are sent, that of go-control-plane for an aggregated stream:
// resources come before those that refer to them.
var order = []string{
	typeURL(&clusterv3.Cluster{}), typeURL(&endpointv3.ClusterLoadAssignment{}),
	typeURL(&listenerv3.Listener{}), typeURL(&routev3.RouteConfiguration{}),
}

func typeURL(m proto.Message) string {
	return typePrefix + string(m.ProtoReflect().Descriptor().FullName())
}

// Server is the control plane. Create one with [Start]. Its methods may be called concurrently.
type Server struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	listener net.Listener
	grpc     *grpc.Server

	mu        sync.Mutex
	resources map[string]map[string]*discoveryv3.Resource // by type URL and name
	version   int
	asked     map[string]bool // names of endpoints
	pending   map[string]bool // nonces of responses that Envoy has not answered
	nonce     int
	looked    int // the version that the stream has processed
	rejected  []string
	reported  int           // number of rejections already returned
	changed   chan struct{} // closed and replaced at each change
}

// Start serves on a free port of the loopback interface.
func Start(ctx context.Context) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the control plane: %w", err)
	}
	s := &Server{
		listener: listener, grpc: grpc.NewServer(),
		resources: map[string]map[string]*discoveryv3.Resource{}, asked: map[string]bool{},
		pending: map[string]bool{}, changed: make(chan struct{}),
	}
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(s.grpc, s)
	go func() { _ = s.grpc.Serve(listener) }() // returns when stopped
	return s, nil
}

// Stop ends all streams.
func (s *Server) Stop() { s.grpc.Stop() }

// Set adds or replaces clusters, endpoints, listeners and route configurations, and sends them in
// one update of each type.
func (s *Server) Set(resources ...proto.Message) error { return s.Change(resources, nil) }

// Change is [Server.Set] that also removes resources in the same updates. Resources to remove are
// identified by type and name.
func (s *Server) Change(set, remove []proto.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	for _, m := range remove {
		delete(s.resources[typeURL(m)], name(m))
	}
	for _, m := range set {
		body, err := anypb.New(m)
		if err != nil {
			return fmt.Errorf("pack %T: %w", m, err)
		}
		byName := s.resources[body.GetTypeUrl()]
		if byName == nil {
			byName = map[string]*discoveryv3.Resource{}
			s.resources[body.GetTypeUrl()] = byName
		}
		byName[name(m)] = &discoveryv3.Resource{Name: name(m), Version: fmt.Sprint(s.version), Resource: body}
	}
	s.wake()
	return nil
}

func name(m proto.Message) string {
	if e, ok := m.(*endpointv3.ClusterLoadAssignment); ok {
		return e.GetClusterName()
	}
	return m.(interface{ GetName() string }).GetName()
}

// wake makes the streams check for changes.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitAsked waits until Envoy has requested the endpoints with a name.
func (s *Server) WaitAsked(ctx context.Context, name string) error {
	for {
		s.mu.Lock()
		asked, changed := s.asked[name], s.changed
		s.mu.Unlock()
		if asked {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for Envoy to ask for the endpoints of %s: %w", name, context.Cause(ctx))
		case <-changed:
		}
	}
}

// WaitAnswered waits until Envoy has accepted or rejected everything, and returns the reasons of
// the rejections since the last call.
func (s *Server) WaitAnswered(ctx context.Context) ([]string, error) {
	for {
		s.mu.Lock()
		answered, changed := s.looked == s.version && len(s.pending) == 0, s.changed
		if answered {
			s.mu.Unlock()
			return s.Rejections(), nil
		}
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for Envoy's answers: %w", context.Cause(ctx))
		case <-changed:
		}
	}
}

// Rejections returns the reasons of the rejections since the last call.
func (s *Server) Rejections() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	rejected := s.rejected[s.reported:]
	s.reported = len(s.rejected)
	return rejected
}

// Rejected returns an error if Envoy has rejected anything.
func (s *Server) Rejected() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rejected) > 0 {
		return fmt.Errorf("Envoy rejected %q", s.rejected)
	}
	return nil
}

// names returns the sorted names of all resources of a type.
func (s *Server) names(typeURL string) []string {
	return slices.Sorted(maps.Keys(s.resources[typeURL]))
}
