package hedge

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Limits of fields, as in the CRD.
const (
	maxHedged  = 10
	maxRetryOn = 16
)

// failures are the failures on which Envoy can retry.
var failures = []v1alpha1.RetryOn{
	"5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited", "retriable-4xx",
	"refused-stream", "retriable-status-codes", "retriable-headers", "http3-post-connect-failure",
	"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
}

// validate sets the defaults and repeats the checks of the CRD, because not every filter passes an API
// server.
func validate(f *v1alpha1.HedgeFilter) (errs field.ErrorList) {
	s, at := &f.Spec, field.NewPath("spec")
	errs = append(errs, duration.Between(at.Child("perTryTimeout"), s.PerTryTimeout, "1ms", "1h")...)
	if n := s.MaxHedgedRequests; n != nil && (*n < 1 || *n > maxHedged) {
		errs = append(errs, field.Invalid(at.Child("maxHedgedRequests"), *n, "must be from 1 to 10"))
	}
	errs = append(errs, validateRetryOn(s.RetryOn, at.Child("retryOn"))...)
	if s.FailurePolicy == "" {
		s.FailurePolicy = v1alpha1.FailurePolicyIgnore
	}
	if policies := []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}; !slices.Contains(policies, s.FailurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), s.FailurePolicy, policies))
	}
	return errs
}

func validateRetryOn(words []v1alpha1.RetryOn, at *field.Path) (errs field.ErrorList) {
	if words != nil && len(words) == 0 {
		errs = append(errs, field.Invalid(at, len(words), "must not be empty; omit it instead"))
	}
	if len(words) > maxRetryOn {
		errs = append(errs, field.TooMany(at, len(words), maxRetryOn))
	}
	for i, word := range words {
		switch {
		case !slices.Contains(failures, word):
			errs = append(errs, field.NotSupported(at.Index(i), word, failures))
		case slices.Contains(words[:i], word):
			errs = append(errs, field.Duplicate(at.Index(i), word))
		}
	}
	return errs
}
