package devspiffe

import (
	"crypto/x509"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// invention is the kind of secret under a name without an entry.
type invention int

const (
	inventedSVID invention = iota + 1
	inventedBundle
)

// Invent serves SVIDs and bundles under arbitrary names to every workload, like an agent with
// entries for all of them. It does not change names that are already served.
func (i *Issuer) Invent(svids, bundles []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, name := range bundles {
		i.invented[name] = inventedBundle
	}
	for _, name := range svids {
		i.invented[name] = inventedSVID
	}
}

// add adds an invented secret to the available ones.
func (s *secretServer) add(name string, available map[string]*tlsv3.Secret, plain bool) error {
	s.issuer.mu.Lock()
	what := s.issuer.invented[name]
	s.issuer.mu.Unlock()
	switch what {
	case inventedBundle:
		domain, err := spiffeid.TrustDomainFromString(name)
		if err != nil {
			domain = s.issuer.domain
		}
		return addBundle(available, name, map[string][]*x509.Certificate{domain.Name(): s.issuer.Authorities()}, plain)
	case inventedSVID:
		s.issuer.mu.Lock()
		defer s.issuer.mu.Unlock()
		id := name
		if _, err := spiffeid.FromString(name); err != nil {
			id = s.issuer.domain.IDString() + "/invented"
		}
		each, err := s.issuer.named(name, Entry{ID: id})
		if err != nil {
			return status.Errorf(codes.Internal, "invent %q: %v", name, err)
		}
		return addSVID(available, name, each)
	default:
		return nil
	}
}
