package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity outlives every test.
const validity = 24 * time.Hour

// PKI is the certificate authority of one cluster. It exists as long as the test that created it.
type PKI struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewPKI creates an authority with its certificate in dir/ca.crt.
func NewPKI(dir string) (*PKI, error) {
	p := &PKI{dir: dir}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "egraft test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	var err error
	p.certificate, p.key, err = p.sign("ca", template)
	return p, err
}

// Server creates a server certificate in NAME.crt and NAME.key, and returns their path without the
// extension.
func (p *PKI) Server(name string, addresses []string, names ...string) (string, error) {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: names,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	_, _, err := p.sign(name, template)
	return p.path(name), err
}

// Client creates the certificate of a user in groups, as [PKI.Server] does.
func (p *PKI) Client(name, user string, groups ...string) (string, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: user, Organization: groups},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	_, _, err := p.sign(name, template)
	return p.path(name), err
}

// CA returns the path of the authority's certificate.
func (p *PKI) CA() string { return p.path("ca") + ".crt" }

func (p *PKI) path(name string) string { return filepath.Join(p.dir, name) }

// sign creates a key and a certificate signed by the authority, or by itself for the authority, and
// writes both.
func (p *PKI) sign(name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make the key of %s: %w", name, err)
	}
	parent, parentKey := p.certificate, p.key
	if parent == nil {
		parent, parentKey = template, key
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, nil, fmt.Errorf("serial number of %s: %w", name, err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the certificate of %s: %w", name, err)
	}
	return certificate, key, p.write(name, der, key)
}

func (p *PKI) write(name string, certificate []byte, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", name, err)
	}
	files := map[string]*pem.Block{".crt": {Type: "CERTIFICATE", Bytes: certificate}, ".key": {Type: "PRIVATE KEY", Bytes: der}}
	for extension, block := range files {
		if err := os.WriteFile(p.path(name)+extension, pem.EncodeToMemory(block), 0o600); err != nil {
			return fmt.Errorf("write the certificate of %s: %w", name, err)
		}
	}
	return nil
}
