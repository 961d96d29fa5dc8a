package ads

import (
	"fmt"
	"maps"
	"slices"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// subscription is Envoy's subscription to one type, and the versions that Envoy has.
type subscription struct {
	all   bool
	names map[string]bool
	has   map[string]string // versions by name
}

type adsStream = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer

// StreamAggregatedResources rejects the state-of-the-world protocol, which Envoy Gateway's Envoys
// do not use.
func (s *Server) StreamAggregatedResources(discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "only the incremental protocol is served")
}

// DeltaAggregatedResources serves one Envoy until it disconnects.
func (s *Server) DeltaAggregatedResources(stream adsStream) error {
	requests, failed := make(chan *discoveryv3.DeltaDiscoveryRequest), make(chan error, 1)
	go receive(stream, requests, failed)
	subscriptions := map[string]*subscription{}
	defer s.forgetPending()
	for {
		changed, err := s.send(stream, subscriptions)
		if err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		case <-changed:
		case request := <-requests:
			s.take(request, subscriptions)
		}
	}
}

// forgetPending discards responses to an Envoy that has disconnected: it will not acknowledge them.
func (s *Server) forgetPending() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.pending)
	s.looked--
}

func receive(stream adsStream, requests chan<- *discoveryv3.DeltaDiscoveryRequest, failed chan<- error) {
	for {
		request, err := stream.Recv()
		if err != nil {
			failed <- err
			return
		}
		select {
		case requests <- request:
		case <-stream.Context().Done():
			return
		}
	}
}

// take records what a request subscribes to. A first request without names subscribes to
// everything.
func (s *Server) take(r *discoveryv3.DeltaDiscoveryRequest, subscriptions map[string]*subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := subscriptions[r.GetTypeUrl()]
	if sub == nil {
		sub = &subscription{all: len(r.GetResourceNamesSubscribe()) == 0, names: map[string]bool{}, has: map[string]string{}}
		maps.Copy(sub.has, r.GetInitialResourceVersions())
		subscriptions[r.GetTypeUrl()] = sub
	}
	for _, n := range r.GetResourceNamesSubscribe() {
		sub.names[n] = true
		delete(sub.has, n) // a request always gets a response
		s.asked[n] = s.asked[n] || r.GetTypeUrl() == typeURL(&endpointv3.ClusterLoadAssignment{})
	}
	for _, n := range r.GetResourceNamesUnsubscribe() {
		delete(sub.names, n)
		delete(sub.has, n)
	}
	if e := r.GetErrorDetail(); e != nil {
		s.rejected = append(s.rejected, e.GetMessage())
	}
	delete(s.pending, r.GetResponseNonce())
	if len(r.GetResourceNamesSubscribe()) > 0 || r.GetResponseNonce() != "" {
		s.wake()
	}
}

// send sends the subscribed resources that Envoy does not have. It returns a channel that is closed
// at the next change.
func (s *Server) send(stream adsStream, subscriptions map[string]*subscription) (<-chan struct{}, error) {
	responses, changed := s.responses(subscriptions)
	for _, r := range responses {
		if err := stream.Send(r); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

func (s *Server) responses(subscriptions map[string]*subscription) ([]*discoveryv3.DeltaDiscoveryResponse, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*discoveryv3.DeltaDiscoveryResponse
	for _, t := range order {
		sub := subscriptions[t]
		if sub == nil {
			continue
		}
		s.nonce++
		r := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: t, Nonce: fmt.Sprint(s.nonce)}
		for _, n := range s.names(t) {
			resource := s.resources[t][n]
			if (sub.all || sub.names[n]) && sub.has[n] != resource.GetVersion() {
				sub.has[n] = resource.GetVersion()
				r.Resources = append(r.Resources, resource)
			}
		}
		for _, n := range slices.Sorted(maps.Keys(sub.has)) {
			if _, there := s.resources[t][n]; !there {
				delete(sub.has, n)
				r.RemovedResources = append(r.RemovedResources, n)
			}
		}
		if len(r.GetResources()) > 0 || len(r.GetRemovedResources()) > 0 {
			s.pending[r.GetNonce()] = true
			out = append(out, r)
		}
	}
	s.looked = s.version
	return out, s.changed
}
