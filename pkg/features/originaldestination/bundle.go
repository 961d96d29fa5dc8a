package originaldestination

import (
	"encoding/pem"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// validateTLS checks more than the CRD can: Envoy rejects a cluster if it cannot read the
// certificate authorities, and keeps the previous cluster, if any.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/tls/cert_validator/default_validator.cc
func validateTLS(t *v1alpha1.DestinationTLS, at *field.Path) field.ErrorList {
	errs := text(at.Child("hostname"), t.Hostname, maxHostname, hostname)
	if t.CABundle == "" {
		return errs
	}
	if wrong := text(at.Child("caBundle"), t.CABundle, maxBundle, bundle); wrong != nil {
		return append(errs, wrong...)
	}
	if err := validateBundle(t.CABundle); err != nil {
		errs = append(errs, field.Invalid(at.Child("caBundle"), field.OmitValueType{}, err.Error()))
	}
	return errs
}

// validateBundle checks each PEM block that begins, because Envoy rejects the whole bundle if one
// has no end.
func validateBundle(text string) error {
	rest, number := []byte(text), strings.Count(text, "-----BEGIN ")
	if number > maxCertificates {
		return fmt.Errorf("must have at most %d certificates, but has %d", maxCertificates, number)
	}
	for i := range number {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return fmt.Errorf("must be certificates in PEM: number %d of %d cannot be read", i+1, number)
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("must be certificates in PEM: number %d of %d is of type %s", i+1, number, block.Type)
		}
		if err := strict(block.Bytes); err != nil {
			return fmt.Errorf("must be certificates in PEM: number %d of %d: %w", i+1, number, err)
		}
	}
	return nil
}

// canonical returns the certificates of a valid bundle, without the text around them and without
// PEM headers, which programs read in different ways.
func canonical(text string) string {
	var out strings.Builder
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return out.String()
		}
		_ = pem.Encode(&out, &pem.Block{Type: block.Type, Bytes: block.Bytes}) // writing to memory cannot fail
	}
}
