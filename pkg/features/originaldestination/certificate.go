package originaldestination

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// certificate has each element of a certificate: Go's own parser passes over what is behind
// the last one that it knows, and Envoy's rejects it.
// https://www.rfc-editor.org/rfc/rfc5280#section-4.1
type certificate struct {
	Content   content
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type content struct {
	Version    int `asn1:"optional,explicit,default:0,tag:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     []relativeName
	Validity   struct{ NotBefore, NotAfter asn1.RawValue }
	Subject    []relativeName
	Key        publicKey
	Extensions []pkix.Extension `asn1:"optional,explicit,tag:3"`
}

type publicKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Bits      asn1.BitString
}

// relativeName ends in SET, by which encoding/asn1 knows it.
type relativeName = attributesSET

type attributesSET []attribute

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// version3 is the one with extensions.
const version3 = 2

var (
	errTrailing  = errors.New("has data that belongs to no field, or is not in DER")
	errAlgorithm = errors.New("has a key or signature with an unknown algorithm")
	errVersion   = errors.New("has extensions, which require version 3")
)

// strict accepts a certificate that Envoy's parser takes, too.
func strict(der []byte) error {
	parsed, err := x509.ParseCertificate(der)
	switch {
	case err != nil:
		return err
	case parsed.PublicKey == nil || parsed.SignatureAlgorithm == x509.UnknownSignatureAlgorithm:
		return errAlgorithm
	}
	c := &certificate{}
	if _, err := asn1.Unmarshal(der, c); err != nil {
		return errTrailing
	}
	if !plain(c.Algorithm.Parameters) && !isPSS(parsed.SignatureAlgorithm) {
		return errAlgorithm
	}
	again, err := asn1.Marshal(*c)
	if err != nil || !bytes.Equal(der, again) {
		return errTrailing
	}
	if len(c.Content.Extensions) > 0 && c.Content.Version != version3 {
		return errVersion
	}
	for _, name := range slices.Concat(c.Content.Issuer, c.Content.Subject) {
		for _, a := range name {
			if !slices.Contains([]int{asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagT61String}, a.Value.Tag) {
				return fmt.Errorf("has a name of ASN.1 type %d, which is not supported", a.Value.Tag)
			}
		}
	}
	return nil
}

// plain tells whether the parameters of a signature are absent or NULL, as those of all
// algorithms are but PSS, which Go's parser checks.
func plain(p asn1.RawValue) bool {
	return len(p.FullBytes) == 0 || bytes.Equal(p.FullBytes, asn1.NullBytes)
}

func isPSS(a x509.SignatureAlgorithm) bool {
	return slices.Contains([]x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}, a)
}
