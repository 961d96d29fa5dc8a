package buffer

import (
	"math"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// targetKinds are what the policy can be attached to.
var targetKinds = []string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute}

// Values of fields, as the CRD has them.
var (
	modes           = []v1alpha1.BufferMode{v1alpha1.BufferFull, v1alpha1.BufferLimitOnly}
	failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}
)

// maxBytes is what fits into the filter's field.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/api/envoy/extensions/filters/http/buffer/v3/buffer.proto
const maxBytes = math.MaxUint32

// validate fills in the defaults and checks what the CRD checks: not every policy passes
// an API server with a CRD of this version.
func validate(p *v1alpha1.BufferPolicy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	if s.Mode == "" {
		s.Mode = v1alpha1.BufferFull
	}
	if s.FailurePolicy == "" {
		s.FailurePolicy = v1alpha1.FailurePolicyIgnore
	}
	errs := policy.ValidateTargets(&s.PolicyTargets, targetKinds, at)
	errs = append(errs, validateBytes(s, at)...)
	if !slices.Contains(modes, s.Mode) {
		errs = append(errs, field.NotSupported(at.Child("mode"), s.Mode, modes))
	}
	if !slices.Contains(failurePolicies, s.FailurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), s.FailurePolicy, failurePolicies))
	}
	return errs
}

func validateBytes(s *v1alpha1.BufferPolicySpec, at *field.Path) field.ErrorList {
	at = at.Child("maxRequestBytes")
	switch {
	case s.Disabled && s.MaxRequestBytes != nil:
		return field.ErrorList{field.Forbidden(at, "disabled is true: use one of the two")}
	case s.Disabled:
		return nil
	case s.MaxRequestBytes == nil:
		return field.ErrorList{field.Required(at, "set it, or set disabled to true to switch buffering off for the target")}
	}
	if n, whole := s.MaxRequestBytes.AsInt64(); !whole || n < 1 || n > maxBytes {
		return field.ErrorList{field.Invalid(at, s.MaxRequestBytes.String(), "must be a whole number of bytes between 1 and 4294967295")}
	}
	return nil
}
