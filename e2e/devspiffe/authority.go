package devspiffe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

const (
	// rootTTL outlives every demo.
	rootTTL = 24 * time.Hour
	// clockSkew is how long before issuance a certificate becomes valid, as in SPIRE.
	clockSkew = 10 * time.Second
)

// authority signs SVIDs. Each start creates a new one in memory.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// svid is an X.509 certificate of one SPIFFE ID, with its key.
type svid struct {
	id          string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	renewAt     time.Time
}

func newAuthority(domain spiffeid.TrustDomain) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", domain, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "DEVELOPMENT ONLY " + domain.Name()},
		URIs:                  []*url.URL{domain.ID().URL()},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	certificate, err := sign(template, template, key, key, rootTTL)
	if err != nil {
		return nil, fmt.Errorf("make the root of %s: %w", domain, err)
	}
	return &authority{certificate: certificate, key: key}, nil
}

// issue creates an SVID that is due for renewal after half of its lifetime.
func (a *authority) issue(entry Entry, ttl time.Duration) (*svid, error) {
	id, err := url.Parse(entry.ID)
	if err != nil {
		return nil, fmt.Errorf("SPIFFE ID %q: %w", entry.ID, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", entry.ID, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Country: []string{"US"}, Organization: []string{"egraft development"}},
		URIs:                  []*url.URL{id},
		DNSNames:              entry.DNSNames,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	certificate, err := sign(template, a.certificate, key, a.key, ttl)
	if err != nil {
		return nil, fmt.Errorf("sign the SVID of %s: %w", entry.ID, err)
	}
	return &svid{id: entry.ID, certificate: certificate, key: key, renewAt: time.Now().Add(ttl / 2)}, nil
}

// sign fills in serial number and validity, and signs with the parent's key.
func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey, ttl time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore = time.Now().Add(-clockSkew)
	template.NotAfter = time.Now().Add(ttl)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// Forge signs what a SPIFFE authority must not sign: a certificate with any number of URIs of any
// trust domain, in this order.
func (i *Issuer) Forge(uris ...string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, uri := range uris {
		parsed, err := url.Parse(uri)
		if err != nil {
			return nil, fmt.Errorf("URI %q: %w", uri, err)
		}
		template.URIs = append(template.URIs, parsed)
	}
	certificate, err := sign(template, i.ca.certificate, key, i.ca.key, i.cfg.TTL)
	if err != nil {
		return nil, fmt.Errorf("sign %q: %w", uris, err)
	}
	return &tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}, nil
}
