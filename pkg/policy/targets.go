package policy

import (
	"regexp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Limits of targets, as in the CRDs.
const (
	maxSelectors    = 16
	maxRequirements = 32
)

// sectionName matches the names of listeners and rules that Gateway API allows.
var sectionName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

// ValidateTargets validates a policy's targets like the CRDs, and requires one of the kinds. It
// fills in the defaults, because not every policy passes an API server. at is the field that holds
// the targets, usually spec.
func ValidateTargets(t *v1alpha1.PolicyTargets, kinds []string, at *field.Path) (errs field.ErrorList) {
	if t.TargetRefs == nil && t.TargetSelectors == nil {
		errs = append(errs, field.Required(at.Child("targetRefs"), "name at least one target"))
	}
	refs, selectors := at.Child("targetRefs"), at.Child("targetSelectors")
	errs = append(errs, length(len(t.TargetRefs), maxTargets, t.TargetRefs == nil, refs)...)
	errs = append(errs, length(len(t.TargetSelectors), maxSelectors, t.TargetSelectors == nil, selectors)...)
	for i, r := range t.TargetRefs {
		errs = append(errs, validateRef(r, kinds, refs.Index(i))...)
		same := func(o gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool {
			return o.Kind == r.Kind && o.Name == r.Name && ptr.Deref(o.SectionName, "") == ptr.Deref(r.SectionName, "")
		}
		if slices.ContainsFunc(t.TargetRefs[:i], same) {
			errs = append(errs, field.Duplicate(refs.Index(i), r.Name))
		}
	}
	errs = append(errs, validateMix(t, selectors)...)
	errs = append(errs, validateOnlyClass(t, refs)...)
	for i := range t.TargetSelectors {
		errs = append(errs, validateSelector(&t.TargetSelectors[i], kinds, selectors.Index(i))...)
	}
	return errs
}

// validateMix rejects a policy if its selected Gateways cannot be determined, see [selection].
func validateMix(t *v1alpha1.PolicyTargets, at *field.Path) (errs field.ErrorList) {
	routes := slices.ContainsFunc(t.TargetRefs, func(r gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool { return r.Kind != kindGateway }) ||
		slices.ContainsFunc(t.TargetSelectors, func(s v1alpha1.TargetSelector) bool { return s.Kind != kindGateway })
	for i, s := range t.TargetSelectors {
		if routes && s.Kind == kindGateway && s.Namespaces != nil && s.Namespaces.From != "" && s.Namespaces.From != "Same" {
			errs = append(errs, field.Forbidden(at.Index(i).Child("namespaces"),
				"a policy that targets routes cannot also select Gateways in other namespaces: use a policy for each"))
		}
	}
	return errs
}

// length checks a list that must not be empty if it is present.
func length(n, limit int, absent bool, at *field.Path) field.ErrorList {
	switch {
	case n == 0 && !absent:
		return field.ErrorList{field.Invalid(at, n, "must not be empty; omit it instead")}
	case n > limit:
		return field.ErrorList{field.TooMany(at, n, limit)}
	}
	return nil
}

func validateRef(r gwapiv1.LocalPolicyTargetReferenceWithSectionName, kinds []string, at *field.Path) (errs field.ErrorList) {
	if string(r.Group) != GatewayGroup {
		errs = append(errs, field.NotSupported(at.Child("group"), r.Group, []string{GatewayGroup}))
	}
	if !slices.Contains(kinds, string(r.Kind)) {
		errs = append(errs, field.NotSupported(at.Child("kind"), string(r.Kind), kinds))
	}
	switch {
	case r.Name == "":
		errs = append(errs, field.Required(at.Child("name"), ""))
	case len(r.Name) > maxName:
		errs = append(errs, field.TooLong(at.Child("name"), string(r.Name), maxName))
	}
	switch section := string(ptr.Deref(r.SectionName, "")); {
	case r.SectionName == nil:
	case section == "":
		errs = append(errs, field.Invalid(at.Child("sectionName"), "", "must not be empty; omit it instead"))
	case len(section) > maxName:
		errs = append(errs, field.TooLong(at.Child("sectionName"), section, maxName))
	case !sectionName.MatchString(section):
		errs = append(errs, field.Invalid(at.Child("sectionName"), section, "must match "+sectionName.String()))
	}
	return errs
}

func validateSelector(s *v1alpha1.TargetSelector, kinds []string, at *field.Path) (errs field.ErrorList) {
	if s.Group == "" {
		s.Group = GatewayGroup
	}
	if s.Group != GatewayGroup {
		errs = append(errs, field.NotSupported(at.Child("group"), s.Group, []gwapiv1.Group{GatewayGroup}))
	}
	if kinds := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == kindGatewayClass }); !slices.Contains(kinds, string(s.Kind)) {
		errs = append(errs, field.NotSupported(at.Child("kind"), string(s.Kind), kinds))
	}
	if n := len(s.MatchLabels); n > maxRequirements {
		errs = append(errs, field.TooMany(at.Child("matchLabels"), n, maxRequirements))
	}
	if n := len(s.MatchExpressions); n > maxRequirements {
		errs = append(errs, field.TooMany(at.Child("matchExpressions"), n, maxRequirements))
	}
	labels := metav1.LabelSelector{MatchLabels: s.MatchLabels, MatchExpressions: s.MatchExpressions}
	errs = append(errs, metav1validation.ValidateLabelSelector(&labels, metav1validation.LabelSelectorValidationOptions{}, at)...)
	return append(errs, validateNamespaces(s.Namespaces, at.Child("namespaces"))...)
}

func validateNamespaces(n *v1alpha1.TargetNamespaces, at *field.Path) (errs field.ErrorList) {
	if n == nil {
		return nil
	}
	if n.From == "" {
		n.From = "Same"
	}
	if from := []string{"Same", "All", "Selector"}; !slices.Contains(from, n.From) {
		errs = append(errs, field.NotSupported(at.Child("from"), n.From, from))
	}
	if (n.From == "Selector") != (n.Selector != nil) {
		errs = append(errs, field.Invalid(at.Child("selector"), n.From, "set selector if from is Selector, and only then"))
	}
	if n.Selector != nil {
		errs = append(errs, metav1validation.ValidateLabelSelector(n.Selector, metav1validation.LabelSelectorValidationOptions{}, at.Child("selector"))...)
	}
	return errs
}
