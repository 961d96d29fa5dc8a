package devspiffe

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// SPIRE's default names for secrets without a SPIFFE ID in their names.
const (
	defaultSVID   = "default"
	defaultBundle = "ROOTCA"
	allBundles    = "ALL"
)

// respond responds to a request with the secrets that it names, or with all if it names none. A
// name to which the workload is not entitled is an error.
func (s *secretServer) respond(request *discoveryv3.DiscoveryRequest, u *update, version string) (*discoveryv3.DiscoveryResponse, error) {
	out := &discoveryv3.DiscoveryResponse{TypeUrl: request.GetTypeUrl(), VersionInfo: version}
	if version != "" {
		out.Nonce = nonce()
	}
	available, err := s.secrets(u, plainBundle(u, request))
	if err != nil {
		return nil, err
	}
	names := request.GetResourceNames()
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(available))
		names = slices.DeleteFunc(names, func(n string) bool { return n == defaultSVID || n == defaultBundle || n == allBundles })
	}
	var rejected []string
	for _, name := range names {
		if _, ok := available[name]; !ok {
			if err := s.add(name, available, plainBundle(u, request)); err != nil {
				return nil, err
			}
		}
		secret, ok := available[name]
		if !ok {
			rejected = append(rejected, name)
			continue
		}
		resource, err := anypb.New(secret)
		if err != nil {
			return nil, fmt.Errorf("encode secret %s: %w", name, err)
		}
		out.Resources = append(out.Resources, resource)
	}
	if len(rejected) > 0 {
		slices.Sort(rejected)
		return nil, status.Errorf(codes.InvalidArgument, "workload is not authorized for the requested identities %q", rejected)
	}
	return out, nil
}

// secrets returns all secrets of a workload, by name.
func (s *secretServer) secrets(u *update, plain bool) (map[string]*tlsv3.Secret, error) {
	own := map[string][]*x509.Certificate{s.issuer.domain.Name(): s.issuer.Authorities()}
	all := maps.Clone(u.federated)
	maps.Copy(all, own)
	out := map[string]*tlsv3.Secret{}
	for domain, authorities := range all {
		one := map[string][]*x509.Certificate{domain: authorities}
		if err := addBundle(out, "spiffe://"+domain, one, plain); err != nil {
			return nil, err
		}
	}
	if err := addBundle(out, defaultBundle, own, plain); err != nil {
		return nil, err
	}
	if !plain {
		if err := addBundle(out, allBundles, all, false); err != nil {
			return nil, err
		}
	}
	for i, each := range u.svids {
		if err := addSVID(out, each.id, each); err != nil {
			return nil, err
		}
		if i == 0 {
			if err := addSVID(out, defaultSVID, each); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func addSVID(to map[string]*tlsv3.Secret, name string, s *svid) error {
	key, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", s.id, err)
	}
	to[name] = &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inline(encodeCertificates([]*x509.Certificate{s.certificate})),
		PrivateKey:       inline(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	}}}
	return nil
}

func addBundle(to map[string]*tlsv3.Secret, name string, bundles map[string][]*x509.Certificate, plain bool) error {
	var context tlsv3.CertificateValidationContext
	config := &tlsv3.SPIFFECertValidatorConfig{}
	for _, domain := range slices.Sorted(maps.Keys(bundles)) {
		if _, err := spiffeid.TrustDomainFromString(domain); err != nil {
			return fmt.Errorf("bundle %s: %w", name, err)
		}
		authorities := inline(encodeCertificates(bundles[domain]))
		context.TrustedCa = authorities
		config.TrustDomains = append(config.TrustDomains, &tlsv3.SPIFFECertValidatorConfig_TrustDomain{Name: domain, TrustBundle: authorities})
	}
	if !plain {
		typed, err := anypb.New(config)
		if err != nil {
			return fmt.Errorf("encode bundle %s: %w", name, err)
		}
		context.TrustedCa = nil
		context.CustomValidatorConfig = &corev3.TypedExtensionConfig{Name: "envoy.tls.cert_validator.spiffe", TypedConfig: typed}
	}
	to[name] = &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_ValidationContext{ValidationContext: &context}}
	return nil
}

// plainBundle reports whether this Envoy gets plain CA certificates. Its node metadata can request
// them, as with SPIRE.
func plainBundle(u *update, request *discoveryv3.DiscoveryRequest) bool {
	value, ok := request.GetNode().GetMetadata().GetFields()["disable_spiffe_cert_validation"]
	if !ok {
		return u.plain
	}
	if text, err := strconv.ParseBool(value.GetStringValue()); err == nil {
		return text
	}
	return value.GetBoolValue()
}

func inline(content []byte) *corev3.DataSource {
	return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: content}}
}
