package filterpolicy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Values of fields, as the CRD has them.
var (
	failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}
	places          = []v1alpha1.FilterPlace{v1alpha1.FilterBeforeRouter, v1alpha1.FilterFirst}
)

// validate fills in the defaults and checks what the CRD checks, and the configuration against its
// message.
func validate(p *v1alpha1.FilterPolicy) field.ErrorList {
	s, at := &p.Spec, field.NewPath("spec")
	if s.FailurePolicy == "" {
		s.FailurePolicy = v1alpha1.FailurePolicyIgnore
	}
	var errs field.ErrorList
	if !slices.Contains(failurePolicies, s.FailurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), s.FailurePolicy, failurePolicies))
	}
	for _, fault := range validation.IsDNS1123Label(s.Filter.Name) {
		errs = append(errs, field.Invalid(at.Child("filter", "name"), shortened(s.Filter.Name), fault))
	}
	errs = append(errs, validatePosition(s.Position, at.Child("position"))...)
	f, faults := validateFilter(s, at.Child("filter", "typedConfig"))
	errs = append(errs, faults...)
	if s.PerRoute != nil && len(faults) == 0 {
		errs = append(errs, validateRoute(f, s.PerRoute, at.Child("perRoute"))...)
	}
	return errs
}

func validateFilter(s *v1alpha1.FilterPolicySpec, at *field.Path) (envoyfilter.Filter, field.ErrorList) {
	_, errs := typedconfig.Read(s.Filter.TypedConfig.Raw, at)
	name := typedconfig.Name(s.Filter.TypedConfig.Raw)
	f, known := envoyfilter.Of(name)
	if len(errs) == 0 && !known {
		errs = field.ErrorList{field.Invalid(at.Child("@type"), shortened(name), "is not the configuration of an HTTP filter in a chain that Envoy's standard build has")}
	}
	return f, errs
}

// validateRoute checks that the message is the one that Envoy takes for the filter on routes: it
// rejects others, or takes them for another filter's.
func validateRoute(f envoyfilter.Filter, c *v1alpha1.TypedConfig, at *field.Path) field.ErrorList {
	name := typedconfig.Name(c.Raw)
	switch {
	case f.Route == "":
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("the filter %s has no configuration for routes", f.Name))}
	case name != f.Route:
		return field.ErrorList{field.Invalid(at.Child("@type"), shortened(name), "must be "+typedconfig.URLPrefix+f.Route)}
	}
	_, errs := typedconfig.Read(c.Raw, at)
	return errs
}

func validatePosition(p *v1alpha1.FilterPosition, at *field.Path) (errs field.ErrorList) {
	if p == nil {
		return nil
	}
	set := 0
	for _, x := range []string{string(p.At), string(p.Before), string(p.After)} {
		if x != "" {
			set++
		}
	}
	if set != 1 {
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, "set one of at, before and after")}
	}
	if p.At != "" && !slices.Contains(places, p.At) {
		errs = append(errs, field.NotSupported(at.Child("at"), p.At, places))
	}
	for name, kind := range map[string]v1alpha1.FilterKind{"before": p.Before, "after": p.After} {
		if _, known := kinds[kind]; kind != "" && !known {
			errs = append(errs, field.NotSupported(at.Child(name), kind, slices.Sorted(maps.Keys(kinds))))
		}
	}
	return errs
}

// shortened is text from a policy that need not be of any use in a message.
func shortened(text string) string {
	const most = 128
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
