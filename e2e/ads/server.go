// Package ads is a control plane for experiments on one real Envoy: it says
// exactly what the experiment wants, when the experiment wants it, such as
// endpoints that come long after their cluster.
//
// It speaks the incremental protocol on one aggregated stream, as Envoy Gateway
// does. What it sends is not checked. It must not be used by the product.
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

// typePrefix is before the full name of a message in its type URL.
const typePrefix = "type.googleapis.com/"

// order is that in which types are sent, go-control-plane's for an aggregated
// stream: what is referred to comes before what refers to it.
var order = []string{
	typeURL(&clusterv3.Cluster{}), typeURL(&endpointv3.ClusterLoadAssignment{}),
	typeURL(&listenerv3.Listener{}), typeURL(&routev3.RouteConfiguration{}),
}

func typeURL(m proto.Message) string {
	return typePrefix + string(m.ProtoReflect().Descriptor().FullName())
}

// Server is the control plane. Make one with [Start]. Its methods may be called
// concurrently.
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
	looked    int // the version that the stream has looked at
	rejected  []string
	reported  int           // of rejected
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

// Set adds or replaces clusters, endpoints, listeners and route configurations
// and sends them in one update of each type.
func (s *Server) Set(resources ...proto.Message) error { return s.Change(resources, nil) }

// Change is [Server.Set] that removes resources in the same updates. Of those to
// remove, type and name count.
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

// wake has the streams look again.
func (s *Server) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// WaitAsked waits until Envoy has asked for the endpoints with a name.
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

// WaitAnswered waits until Envoy has accepted or rejected all that there is to send, and
// returns the reasons of what it rejected since the last time.
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

// Rejections are the reasons of what Envoy rejected since the last time.
func (s *Server) Rejections() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	rejected := s.rejected[s.reported:]
	s.reported = len(s.rejected)
	return rejected
}

// Rejected is an error when Envoy rejected anything.
func (s *Server) Rejected() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rejected) > 0 {
		return fmt.Errorf("Envoy rejected %q", s.rejected)
	}
	return nil
}

// names are those of all resources of a type, sorted.
func (s *Server) names(typeURL string) []string {
	return slices.Sorted(maps.Keys(s.resources[typeURL]))
}
