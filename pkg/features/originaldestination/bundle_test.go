package originaldestination

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// authority is a certificate.
const authority = `-----BEGIN CERTIFICATE-----
MIIBfjCCASWgAwIBAgIUULaHp1Dq7yXXEPN5btAtlukviScwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJYXV0aG9yaXR5MCAXDTI2MTEyNDE4MTEyNVoYDzIxMjYxMDMx
MTgxMTI1WjAUMRIwEAYDVQQDDAlhdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQfCYJNRjHUAvJBkU3Nh6DVZJvmxIZlvlDCxlNu3qeSaZFvM9IaKM7d
DkflCKWdZszAk2CyIT3xL50458f9b12Co1MwUTAdBgNVHQ4EFgQUZwrTT5Z6Z2gT
dMDdRaim6gtv9JcwHwYDVR0jBBgwFoAUZwrTT5Z6Z2gTdMDdRaim6gtv9JcwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiA1Dt3JOTiISZ0GJUlO9Vd3
LDoSEWwjMMMPeU3Ib97qzgIgfSGRby+JNTvekBsbZY84ZpHiFCQoCVBBZkANrZz6
WtM=
-----END CERTIFICATE-----
`

// TestBundles: a bundle that Envoy cannot read is invalid, because Envoy would reject the cluster.
func TestBundles(t *testing.T) {
	const wrong = "tls.caBundle: Invalid value: must be certificates in PEM: number "
	for name, c := range map[string]struct{ bundle, err string }{
		"one":              {authority, ""},
		"two and a remark": {authority + "# the old one\n" + authority, ""},
		"one that is cut":  {authority[:200], wrong + "1 of 1 cannot be read"},
		"another one cut":  {authority + authority[:200], wrong + "2 of 2 cannot be read"},
		"no certificate":   {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", wrong + "1 of 1: x509: malformed certificate"},
		"a key beside it":  {authority + strings.ReplaceAll(authority, "CERTIFICATE", "PRIVATE KEY"), wrong + "2 of 2 is of type PRIVATE KEY"},
		"too many":         {strings.Repeat(authority, 65), "tls.caBundle: Invalid value: must have at most 64 certificates, but has 65"},
		"trailing data":    {trailing(t), wrong + "1 of 1: has data that belongs to no field, or is not in DER"},
		"in another form":  {"MIIB", `tls.caBundle: Invalid value: "MIIB": must match ^-----BEGIN CERTIFICATE-----`},
	} {
		t.Run(name, func(t *testing.T) {
			errs := validateTLS(&v1alpha1.DestinationTLS{Hostname: "pool.example.com", CABundle: c.bundle}, field.NewPath("tls"))
			if c.err == "" {
				require.NoError(t, errs.ToAggregate())
				return
			}
			require.EqualError(t, errs.ToAggregate(), c.err)
		})
	}
}

// trailing returns a certificate with an element after the last known one. Go's parser accepts it
// and Envoy's does not.
func trailing(t *testing.T) string {
	t.Helper()
	block, _ := pem.Decode([]byte(authority))
	extensions := bytes.Index(block.Bytes, []byte{0xa3, 0x53, 0x30, 0x51}) // [3], of that length
	require.Positive(t, extensions)
	block.Bytes[extensions] = 0xa2
	_, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(block))
}

// TestCanonicalBundle: Envoy receives the certificates and no other text.
func TestCanonicalBundle(t *testing.T) {
	require.Equal(t, authority+authority, canonical("# remark\n"+authority+"\n-- -----\n"+strings.ReplaceAll(authority, "\n", "\r\n")+"more"))
}
