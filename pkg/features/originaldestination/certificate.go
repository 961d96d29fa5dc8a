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

// certificate has every element of a certificate. Go's own parser ignores elements after the last
// one it knows; Envoy's rejects them.
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

// relativeName is a type whose name ends in SET, as encoding/asn1 requires for an ASN.1 SET.
type relativeName = attributesSET

type attributesSET []attribute

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// version3 is the encoded number of X.509 version 3, which added extensions.
const version3 = 2

var (
	errTrailing  = errors.New("has data that belongs to no field, or is not in DER")
	errAlgorithm = errors.New("has a key or signature with an unknown algorithm")
	errVersion   = errors.New("has extensions, which require version 3")
)

// strict returns an error unless Envoy's parser accepts the certificate, too.
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

// plain reports whether the parameters of a signature are absent or NULL, as for all algorithms
// except PSS. Go's parser checks the parameters of PSS.
func plain(p asn1.RawValue) bool {
	return len(p.FullBytes) == 0 || bytes.Equal(p.FullBytes, asn1.NullBytes)
}

func isPSS(a x509.SignatureAlgorithm) bool {
	return slices.Contains([]x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}, a)
}
