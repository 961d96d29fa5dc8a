package policy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// WithGatewayClasses sets which GatewayClasses the policies of a namespace may target. Without it
// they may target none: such a policy affects the Gateways of all namespaces. A policy without
// permission is attached to nothing, whatever its failure policy.
func (k Kind) WithGatewayClasses(permitted func(namespace, class string) bool) Kind {
	k.classes = permitted
	return k
}

// isOfClass reports whether the object is attached to all Gateways of the calls that contain it.
//
// A call does not contain the GatewayClass of its Gateways, but Envoy Gateway includes a policy
// only in calls of its targets. So the GatewayClass must be the only target: the call then contains
// the object because of it.
func (k Kind) isOfClass(o *Object, selectors []selector) bool {
	return len(o.Targets) == 1 && len(selectors) == 0 && isClass(o.Targets[0]) && o.Targets[0].SectionName == "" &&
		k.classes != nil && k.classes(o.Namespace, o.Targets[0].Name)
}

func isClass(t Target) bool { return t.Group == GatewayGroup && t.Kind == kindGatewayClass }

// validateClass returns why the object is not attached to the GatewayClass that it targets.
func (k Kind) validateClass(o *Object) error {
	i := slices.IndexFunc(o.Targets, isClass)
	if i < 0 || o.class {
		return nil
	}
	return field.Forbidden(field.NewPath("spec", "targetRefs").Index(i),
		fmt.Sprintf("namespace %s may not target GatewayClass %s: the operator can grant it by gatewayClasses of --namespace-rules", o.Namespace, cut(o.Targets[i].Name)))
}

// validateOnlyClass rejects other targets next to a GatewayClass, see [Kind.isOfClass], and
// sections of it.
func validateOnlyClass(t *v1alpha1.PolicyTargets, at *field.Path) (errs field.ErrorList) {
	of := func(r gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool { return r.Kind == kindGatewayClass }
	i := slices.IndexFunc(t.TargetRefs, of)
	if i < 0 {
		return nil
	}
	if len(t.TargetRefs)+len(t.TargetSelectors) > 1 {
		errs = append(errs, field.Forbidden(at.Index(i), "a GatewayClass must be the only target: use a policy for each"))
	}
	if t.TargetRefs[i].SectionName != nil {
		errs = append(errs, field.Forbidden(at.Index(i).Child("sectionName"), "a GatewayClass has no sections"))
	}
	return errs
}
