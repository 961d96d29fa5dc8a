package attach

import (
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Effective returns the policy in effect, given the policies that are attached to a resource, the one
// with precedence first. It is nil if there is none. An invalid policy with the failure policy Deny is
// in effect, so that its target is denied and no other policy replaces it. An invalid policy with the
// failure policy Ignore is skipped. onFailure applies to policies without their own failure policy.
func Effective(attached []policy.Attachment, onFailure mutator.FailurePolicy) *policy.Attachment {
	for i := range attached {
		if c := &attached[i]; c.Err == nil || OnFailure(c.Object, onFailure) == mutator.Deny {
			return c
		}
	}
	return nil
}

// OnFailure returns the failure policy of a policy, or onFailure if it has none.
func OnFailure(o *policy.Object, onFailure mutator.FailurePolicy) mutator.FailurePolicy {
	if own := mutator.FailurePolicy(o.FailurePolicy); own == mutator.Deny || own == mutator.Ignore {
		return own
	}
	return onFailure
}

// withoutRoutes drops the Route hook from a feature with policies that cannot target routes: Envoy
// Gateway calls this hook only for routes. The feature still needs the routes of the Translation
// hook: only they show which Gateways a cluster or listener belongs to, and with merged Gateways
// these are several.
func withoutRoutes(kinds []string, f mutator.Feature) mutator.Feature {
	if len(kinds) == 0 || slices.Contains(kinds, xds.KindHTTPRoute) || slices.Contains(kinds, xds.KindGRPCRoute) {
		return f
	}
	f.Hooks, f.Routes = []mutator.Hook{mutator.HookTranslation}, nil
	return f
}

// validate validates the targets of a policy, with all target kinds allowed if kinds is empty, and
// then calls rest.
func validate[T any](t *T, targets func(*T) *v1alpha1.PolicyTargets, kinds []string, rest func(*T) field.ErrorList) field.ErrorList {
	if len(kinds) == 0 {
		kinds = []string{xds.KindGateway, xds.KindGatewayClass, xds.KindHTTPRoute, xds.KindGRPCRoute}
	}
	errs := policy.ValidateTargets(targets(t), kinds, field.NewPath("spec"))
	if rest != nil {
		errs = append(rest(t), errs...)
	}
	return errs
}
