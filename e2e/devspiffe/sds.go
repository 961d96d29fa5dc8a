package devspiffe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// secretServer serves Envoy's secret discovery service as SPIRE's agent does:
// https://github.com/spiffe/spire/blob/v1.13.3/pkg/agent/endpoints/sdsv3/handler.go
// SPIRE does not implement DeltaSecrets either.
type secretServer struct {
	secretv3.UnimplementedSecretDiscoveryServiceServer
	issuer *Issuer
}

func (s *secretServer) FetchSecrets(ctx context.Context, request *discoveryv3.DiscoveryRequest) (*discoveryv3.DiscoveryResponse, error) {
	path, err := executable(ctx)
	if err != nil {
		return nil, err
	}
	u, err := s.issuer.read(path)
	if err != nil {
		return nil, err
	}
	return s.respond(request, u, "")
}

func (s *secretServer) StreamSecrets(stream secretv3.SecretDiscoveryService_StreamSecretsServer) error {
	path, err := executable(stream.Context())
	if err != nil {
		return err
	}
	requests, failed := receive(stream)
	state := &secretStream{server: s, stream: stream, path: path}
	for {
		if err := state.send(); err != nil {
			return err
		}
		select {
		case request := <-requests:
			state.accept(request)
		case <-state.changed:
			state.outdated = true
		case err := <-failed:
			return err
		}
	}
}

// receive reads requests into a channel until the stream ends.
func receive(stream secretv3.SecretDiscoveryService_StreamSecretsServer) (<-chan *discoveryv3.DiscoveryRequest, <-chan error) {
	requests, failed := make(chan *discoveryv3.DiscoveryRequest), make(chan error, 1)
	go func() {
		for {
			request, err := stream.Recv()
			if errors.Is(err, io.EOF) || status.Code(err) == codes.Canceled {
				err = nil
			}
			if err != nil || request == nil {
				failed <- err
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	return requests, failed
}

// secretStream is one subscription.
type secretStream struct {
	server   *secretServer
	stream   secretv3.SecretDiscoveryService_StreamSecretsServer
	path     string
	last     *discoveryv3.DiscoveryRequest
	version  int64
	nonce    string
	outdated bool // the last response is out of date
	changed  <-chan struct{}
}

// accept processes a request: a new or changed subscription, or an acknowledgement.
func (s *secretStream) accept(request *discoveryv3.DiscoveryRequest) {
	if s.nonce != "" && request.GetResponseNonce() != s.nonce {
		return // it acknowledges an older response
	}
	if s.last != nil && request.GetNode() == nil {
		request.Node = s.last.GetNode()
	}
	s.outdated = s.outdated || s.last == nil || !sameNames(s.last.GetResourceNames(), request.GetResourceNames())
	s.last = request
}

// send sends a response if there is a change and the name is not held.
func (s *secretStream) send() error {
	u, err := s.server.issuer.read(s.path)
	if err != nil {
		return err
	}
	// The change may have arrived together with a request, which is processed first.
	s.outdated = s.outdated || s.changed != nil && s.changed != u.changed
	s.changed = u.changed
	if s.last == nil || !s.outdated || slices.ContainsFunc(s.last.GetResourceNames(), func(n string) bool { return u.held[n] }) {
		return nil
	}
	s.version++
	response, err := s.server.respond(s.last, u, strconv.FormatInt(s.version, 10))
	if err != nil {
		return err
	}
	s.outdated, s.nonce = false, response.GetNonce()
	return s.stream.Send(response)
}

// nonce returns a value that links an acknowledgement to its response.
func nonce() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return hex.EncodeToString(b)
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
