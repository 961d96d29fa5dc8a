package attach

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Effective is the policy in effect of those that are attached to a resource, the one with
// precedence first; nil for none. An invalid policy whose failure policy is Deny is in effect,
// so that its target is denied and no other policy takes its place. An invalid policy whose
// failure policy is Ignore is as if it were not there. onFailure is that of policies that have
// none of their own.
func Effective(attached []policy.Attachment, onFailure mutator.FailurePolicy) *policy.Attachment {
	for i := range attached {
		if c := &attached[i]; c.Err == nil || OnFailure(c.Object, onFailure) == mutator.Deny {
			return c
		}
	}
	return nil
}

// OnFailure is the failure policy of a policy, onFailure unless it has one of its own.
func OnFailure(o *policy.Object, onFailure mutator.FailurePolicy) mutator.FailurePolicy {
	if own := mutator.FailurePolicy(o.FailurePolicy); own == mutator.Deny || own == mutator.Ignore {
		return own
	}
	return onFailure
}

// validate validates the targets of a policy, which are of all kinds unless some are named, and the
// rest.
func validate[T any](t *T, targets func(*T) *v1alpha1.PolicyTargets, kinds []string, rest func(*T) field.ErrorList) field.ErrorList {
	if len(kinds) == 0 {
		kinds = []string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute}
	}
	errs := policy.ValidateTargets(targets(t), kinds, field.NewPath("spec"))
	if rest != nil {
		errs = append(rest(t), errs...)
	}
	return errs
}
