package buffer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/quantity"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Values of fields, as in the CRD.
var (
	modes           = []v1alpha1.BufferMode{v1alpha1.BufferFull, v1alpha1.BufferLimitOnly}
	failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}
)

// maxBytes is the maximum of the filter's field.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/api/envoy/extensions/filters/http/buffer/v3/buffer.proto
const maxBytes = math.MaxUint32

// validator checks policies against the operator's limit in bytes.
func validator(allowed int64) func(*v1alpha1.BufferPolicy) field.ErrorList {
	return func(p *v1alpha1.BufferPolicy) field.ErrorList { return validate(p, allowed) }
}

// validate sets the defaults and repeats the checks of the CRD, because not every policy passes an API
// server with a CRD of this version.
func validate(p *v1alpha1.BufferPolicy, allowed int64) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	if s.Mode == "" {
		s.Mode = v1alpha1.BufferFull
	}
	if s.FailurePolicy == "" {
		s.FailurePolicy = v1alpha1.FailurePolicyIgnore
	}
	errs := validateBytes(s, at, allowed)
	if !slices.Contains(modes, s.Mode) {
		errs = append(errs, field.NotSupported(at.Child("mode"), s.Mode, modes))
	}
	if !slices.Contains(failurePolicies, s.FailurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), s.FailurePolicy, failurePolicies))
	}
	return errs
}

func validateBytes(s *v1alpha1.BufferPolicySpec, at *field.Path, allowed int64) field.ErrorList {
	at = at.Child("maxRequestBytes")
	switch {
	case s.Disabled && s.MaxRequestBytes != nil:
		return field.ErrorList{field.Forbidden(at, "disabled is true: use one of the two")}
	case s.Disabled:
		return nil
	case s.MaxRequestBytes == nil:
		return field.ErrorList{field.Required(at, "set it, or set disabled to true to switch buffering off for the target")}
	}
	n, err := bytesOf(s)
	if err != nil {
		return field.ErrorList{field.Invalid(at, shortened(s.MaxRequestBytes.String()), err.Error())}
	}
	if int64(n) > allowed {
		detail := fmt.Sprintf("more than %s, the operator's limit (--max-buffer-bytes)", resource.NewQuantity(allowed, resource.BinarySI))
		return field.ErrorList{field.Invalid(at, s.MaxRequestBytes.String(), detail)}
	}
	return nil
}

// shortened truncates text from a policy for a message.
func shortened(text string) string {
	if len(text) <= quantity.MaxLength {
		return text
	}
	return strings.ToValidUTF8(text[:quantity.MaxLength], "") + "…"
}
