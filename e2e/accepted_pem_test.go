//go:build e2e

package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"math/big"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bundles returns certificate authorities in PEM, in the forms that users and programs write, and
// certificates of which Go accepts more than it should.
func bundles(t *testing.T) values {
	t.Helper()
	ders := keptCertificates(t)
	var out values
	for _, der := range ders {
		out.known = append(out.known, inPEM("CERTIFICATE", der))
	}
	good := inPEM("CERTIFICATE", ders[0])
	body := strings.Split(good, "\n")
	for _, text := range []string{
		good + good, strings.Repeat(good, 20), strings.Repeat(good, 80), good + inPEM("CERTIFICATE", ders[1]), strings.TrimSpace(good), strings.ReplaceAll(good, "\n", "\r\n"), strings.ReplaceAll(good, "\n", "\r"),
		good + "text", good + "# comment\n" + good, good + "\x00", good + "\x00" + good, "\n" + good, " " + good, "\ufeff" + good, "text\n" + good, strings.ReplaceAll(good, "\n", " \n"), strings.ReplaceAll(good, "\n", "\n\n"), strings.ReplaceAll(good, "\n", "\n "), strings.ReplaceAll(good, "\n", "\t\n"),
		strings.Join(body[1:len(body)-2], ""), body[0] + "\n" + strings.Join(body[1:len(body)-2], "") + "\n" + body[len(body)-2] + "\n", body[0] + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,00\n\n" + strings.Join(body[1:], "\n"), body[0] + "\nName: value\n\n" + strings.Join(body[1:], "\n"), body[0] + "\nName: value\n" + strings.Join(body[1:], "\n"),
		inPEM("TRUSTED CERTIFICATE", ders[0]), inPEM("X509 CERTIFICATE", ders[0]), inPEM("PRIVATE KEY", ders[0]), good + inPEM("PRIVATE KEY", ders[0]), good + inPEM("X509 CRL", ders[0]), good + inPEM("DH PARAMETERS", ders[0]), good + "-----BEGIN CERTIFICATE-----\n", good + "-----BEGIN ", good + "-----END CERTIFICATE-----\n", good + "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
		good[:len(good)/2], inPEM("CERTIFICATE", ders[0][:len(ders[0])-1]), inPEM("CERTIFICATE", append(bytes.Clone(ders[0]), 0)), inPEM("CERTIFICATE", nil), strings.Replace(good, "-----END", "----- END", 1), strings.Replace(good, "=", "", 1), strings.Replace(good, "-----BEGIN", "------BEGIN", 1), strings.ToLower(good), good + strings.Repeat("x", 65536), good + strings.Repeat("\n", 65536-len(good)),
	} {
		out.known = append(out.known, text)
	}
	for _, edit := range [][2]byte{{0xa3, 0x12}, {0x30, 0x3f}, {0x06, 0x39}} { // tags that Go ignores
		for i, b := range ders[0] {
			if b == edit[0] {
				der := bytes.Clone(ders[0])
				der[i] = edit[1]
				out.known = append(out.known, inPEM("CERTIFICATE", der))
			}
		}
	}
	out.random = func(r *rand.Rand) any {
		if r.IntN(5) == 0 {
			return mutated(r, good)
		}
		der := bytes.Clone(ders[r.IntN(len(ders))])
		for range 1 + r.IntN(3) {
			der[r.IntN(len(der))] = byte(r.Uint32()) // the signature is not checked before it is used
		}
		return inPEM("CERTIFICATE", der)
	}
	return out
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

var updateCertificates = flag.Bool("update-certificates", false, "write "+certificatesFile)

// certificatesFile has what [certificates] returned, so that it is the same in every run.
const certificatesFile = "testdata/certificates.pem"

func keptCertificates(t *testing.T) (ders [][]byte) {
	t.Helper()
	text, err := os.ReadFile(certificatesFile)
	require.NoError(t, err)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		ders = append(ders, block.Bytes)
	}
	return ders
}

// TestCertificates: the file has a certificate for each that is made.
func TestCertificates(t *testing.T) {
	made := certificates(t)
	if *updateCertificates {
		var text strings.Builder
		for _, der := range made {
			text.WriteString(inPEM("CERTIFICATE", der))
		}
		require.NoError(t, os.WriteFile(certificatesFile, []byte(text.String()), 0o644))
	}
	require.Len(t, keptCertificates(t), len(made))
}

// certificates returns certificates with all kinds of keys and with unusual contents.
func certificates(t *testing.T) (ders [][]byte) {
	t.Helper()
	var keys []crypto.Signer
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P224(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, cryptorand.Reader)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	_, ed, err := ed25519.GenerateKey(cryptorand.Reader)
	require.NoError(t, err)
	for _, bits := range []int{1024, 2048} {
		key, err := rsa.GenerateKey(cryptorand.Reader, bits)
		require.NoError(t, err)
		keys = append(keys, key)
	}
	keys = append(keys, ed)
	sign := func(c *x509.Certificate, key crypto.Signer) {
		der, err := x509.CreateCertificate(cryptorand.Reader, c, c, key.Public(), key)
		require.NoError(t, err)
		ders = append(ders, der)
	}
	for _, key := range keys {
		sign(template(), key)
	}
	for _, edit := range []func(*x509.Certificate){
		func(c *x509.Certificate) { c.IsCA = false },
		func(c *x509.Certificate) { c.NotAfter = c.NotBefore },
		func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		},
		func(c *x509.Certificate) { c.Subject = pkix.Name{} },
		func(c *x509.Certificate) { c.Subject.CommonName = "x\x00y\n日本" + strings.Repeat("z", 300) },
		func(c *x509.Certificate) { c.SerialNumber = new(big.Int).Lsh(big.NewInt(1), 150) },
		func(c *x509.Certificate) { c.DNSNames = []string{"*", "a..b", "x y"} },
		func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "spiffe", Host: "a", Path: "/b"}} },
		func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
		},
		func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true },
		func(c *x509.Certificate) { c.KeyUsage = 0 },
		func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte("?")}}
		},
		func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 35}, Value: []byte("?")}}
		},
		func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Value: make([]byte, 20000)}}
		},
	} {
		c := template()
		edit(c)
		sign(c, keys[0])
	}
	return ders
}

func template() *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Unix(1<<30, 0), NotAfter: time.Unix(1<<32, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
}
