package devspiffe

import (
	"crypto/x509"
	"fmt"

	"github.com/spiffe/go-spiffe/v2/proto/spiffe/workload"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// workloadServer serves the X.509 part of the SPIFFE Workload API:
// https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md
type workloadServer struct {
	workload.UnimplementedSpiffeWorkloadAPIServer
	issuer *Issuer
}

func (s *workloadServer) FetchX509SVID(_ *workload.X509SVIDRequest, stream grpc.ServerStreamingServer[workload.X509SVIDResponse]) error {
	return follow(s.issuer, stream, func(u *update) (*workload.X509SVIDResponse, error) {
		if len(u.svids) == 0 {
			return nil, status.Error(codes.PermissionDenied, "no identity issued")
		}
		return s.svidResponse(u)
	})
}

func (s *workloadServer) FetchX509Bundles(_ *workload.X509BundlesRequest, stream grpc.ServerStreamingServer[workload.X509BundlesResponse]) error {
	return follow(s.issuer, stream, func(u *update) (*workload.X509BundlesResponse, error) {
		bundles := federatedBundles(u)
		bundles[s.issuer.domain.IDString()] = concatenate(s.issuer.Authorities())
		return &workload.X509BundlesResponse{Bundles: bundles}, nil
	})
}

func (s *workloadServer) svidResponse(u *update) (*workload.X509SVIDResponse, error) {
	out := &workload.X509SVIDResponse{FederatedBundles: federatedBundles(u)}
	for _, each := range u.svids {
		key, err := x509.MarshalPKCS8PrivateKey(each.key)
		if err != nil {
			return nil, fmt.Errorf("encode the key of %s: %w", each.id, err)
		}
		out.Svids = append(out.Svids, &workload.X509SVID{
			SpiffeId: each.id, X509Svid: each.certificate.Raw, X509SvidKey: key,
			Bundle: concatenate(s.issuer.Authorities()),
		})
	}
	return out, nil
}

// follow sends one response immediately and one after each change.
func follow[T any](i *Issuer, stream grpc.ServerStreamingServer[T], build func(*update) (*T, error)) error {
	md, _ := metadata.FromIncomingContext(stream.Context())
	if header := md.Get("workload.spiffe.io"); len(header) != 1 || header[0] != "true" {
		return status.Error(codes.InvalidArgument, "security header missing from request")
	}
	path, err := executable(stream.Context())
	if err != nil {
		return err
	}
	for {
		u, err := i.read(path)
		if err != nil {
			return err
		}
		response, err := build(u)
		if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return nil
		case <-u.changed:
		}
	}
}

// federatedBundles returns the authorities in DER by the ID of their trust domain.
func federatedBundles(u *update) map[string][]byte {
	out := map[string][]byte{}
	for _, domain := range u.domains() {
		out["spiffe://"+domain] = concatenate(u.federated[domain])
	}
	return out
}

func concatenate(certificates []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certificates {
		out = append(out, c.Raw...)
	}
	return out
}
