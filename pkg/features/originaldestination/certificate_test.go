package originaldestination

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStrict re-encodes the certificate with changes that Go's parser accepts and Envoy's rejects.
// The signature is not verified.
func TestStrict(t *testing.T) {
	named := func(tag int, value string) []relativeName {
		return []relativeName{{attribute{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: tag, Bytes: []byte(value)}}}}
	}
	null := asn1.RawValue{Tag: asn1.TagNull, FullBytes: asn1.NullBytes}
	unknown := asn1.ObjectIdentifier{1, 2, 3, 4}
	rsa := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	pss := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	signed := func(c *certificate, a pkix.AlgorithmIdentifier) { c.Algorithm, c.Content.Algorithm = a, a }
	for name, c := range map[string]struct {
		edit func(*certificate)
		err  string
	}{
		"as it is":                {func(*certificate) {}, ""},
		"RSA, with NULL":          {func(c *certificate) { signed(c, pkix.AlgorithmIdentifier{Algorithm: rsa, Parameters: null}) }, ""},
		"RSA, without parameters": {func(c *certificate) { signed(c, pkix.AlgorithmIdentifier{Algorithm: rsa}) }, ""},
		"RSA, with other parameters": {func(c *certificate) {
			signed(c, pkix.AlgorithmIdentifier{Algorithm: rsa, Parameters: asn1.RawValue{Tag: asn1.TagInteger, Bytes: []byte{1}}})
		}, errAlgorithm.Error()},
		"PSS": {func(c *certificate) {
			signed(c, pkix.AlgorithmIdentifier{Algorithm: pss, Parameters: pssParameters(t)})
		}, ""},
		"signature nobody knows":        {func(c *certificate) { signed(c, pkix.AlgorithmIdentifier{Algorithm: unknown}) }, errAlgorithm.Error()},
		"key nobody knows":              {func(c *certificate) { c.Content.Key.Algorithm.Algorithm = unknown }, errAlgorithm.Error()},
		"version 1, without extensions": {func(c *certificate) { c.Content.Version, c.Content.Extensions = 0, nil }, ""},
		"version 3, without extensions": {func(c *certificate) { c.Content.Extensions = nil }, ""},
		"version 1, with extensions":    {func(c *certificate) { c.Content.Version = 0 }, errVersion.Error()},
		"version 2, with one extension": {func(c *certificate) { c.Content.Version, c.Content.Extensions = 1, c.Content.Extensions[:1] }, errVersion.Error()},
		"name in PrintableString":       {func(c *certificate) { c.Content.Issuer = named(asn1.TagPrintableString, "a") }, ""},
		"name in IA5String":             {func(c *certificate) { c.Content.Subject = named(asn1.TagIA5String, "a") }, ""},
		"name in T61String":             {func(c *certificate) { c.Content.Subject = named(asn1.TagT61String, "a") }, ""},
		"issuer in BMPString":           {func(c *certificate) { c.Content.Issuer = named(asn1.TagBMPString, "\x00a") }, "has a name of ASN.1 type 30, which is not supported"},
		"subject in BMPString":          {func(c *certificate) { c.Content.Subject = named(asn1.TagBMPString, "\x00a") }, "has a name of ASN.1 type 30, which is not supported"},
		"subject in NumericString":      {func(c *certificate) { c.Content.Subject = named(asn1.TagNumericString, "1") }, "has a name of ASN.1 type 18, which is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			block, _ := pem.Decode([]byte(authority))
			cert := &certificate{}
			_, err := asn1.Unmarshal(block.Bytes, cert)
			require.NoError(t, err)
			c.edit(cert)
			der, err := asn1.Marshal(*cert)
			require.NoError(t, err)
			if err = strict(der); c.err == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, c.err)
			}
		})
	}
}

// pssParameters returns the parameters for SHA-256, as in RFC 4055.
func pssParameters(t *testing.T) asn1.RawValue {
	t.Helper()
	sha256 := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, Parameters: asn1.NullRawValue}
	hash, err := asn1.Marshal(sha256)
	require.NoError(t, err)
	raw, err := asn1.Marshal(struct {
		Hash pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
		MGF  pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
		Salt int                      `asn1:"explicit,tag:2"`
	}{sha256, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}, Parameters: asn1.RawValue{FullBytes: hash}}, 32})
	require.NoError(t, err)
	return asn1.RawValue{FullBytes: raw}
}
