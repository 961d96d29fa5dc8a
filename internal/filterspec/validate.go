package filterspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Values of fields in the CRD.
var (
	failurePolicies = []v1alpha1.FailurePolicy{v1alpha1.FailurePolicyDeny, v1alpha1.FailurePolicyIgnore}
	places          = []v1alpha1.FilterPlace{v1alpha1.FilterBeforeRouter, v1alpha1.FilterFirst}
)

// Validate sets the defaults, and checks the rules of the CRDs and the configuration against its message.
func (s *Spec) Validate() (errs field.ErrorList) {
	at := field.NewPath("spec")
	if *s.failurePolicy == "" {
		*s.failurePolicy = v1alpha1.FailurePolicyIgnore
	}
	if !slices.Contains(failurePolicies, *s.failurePolicy) {
		errs = append(errs, field.NotSupported(at.Child("failurePolicy"), *s.failurePolicy, failurePolicies))
	}
	errs = append(errs, validatePosition(s.position, at.Child("position"))...)
	f, faults := s.validateConfig()
	errs = append(errs, faults...)
	takes := f.Route
	if s.IsUpstream {
		errs = append(errs, validateUpstream(f, s.position, len(faults) == 0, at)...)
		takes = f.UpstreamRoute
	}
	if s.PerRoute != nil && len(faults) == 0 {
		errs = append(errs, validateRoute(f, takes, s.PerRoute, at.Child("perRoute"))...)
	}
	return errs
}

func (s *Spec) validateConfig() (envoyfilter.Filter, field.ErrorList) {
	_, errs := typedconfig.Read(s.Config.Raw, s.ConfigPath)
	name := typedconfig.Name(s.Config.Raw)
	f, known := envoyfilter.Of(name)
	if len(errs) == 0 && !known {
		errs = field.ErrorList{field.Invalid(s.ConfigPath.Child("@type"), Shortened(name), "is not the configuration of an HTTP filter in Envoy's standard build")}
	}
	return f, errs
}

// validateUpstream checks the restrictions of upstream filters.
func validateUpstream(f envoyfilter.Filter, p *v1alpha1.FilterPosition, known bool, at *field.Path) (errs field.ErrorList) {
	if p != nil && (p.Before != "" || p.After != "" || p.At != "" && p.At != v1alpha1.FilterBeforeRouter) {
		errs = append(errs, field.Invalid(at.Child("position"), field.OmitValueType{}, "must be BeforeRouter with upstream: true"))
	}
	if known && !f.IsUpstream {
		errs = append(errs, field.Forbidden(at.Child("upstream"), fmt.Sprintf("the filter %s is not one of Envoy's upstream HTTP filters: %s", f.Name, strings.Join(envoyfilter.UpstreamNames(), ", "))))
	}
	return errs
}

// validateRoute checks that the message is the filter's message for routes: Envoy rejects any
// other, or applies it to another filter.
func validateRoute(f envoyfilter.Filter, takes string, c *v1alpha1.TypedConfig, at *field.Path) field.ErrorList {
	name := typedconfig.Name(c.Raw)
	switch {
	case takes == "":
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("the filter %s has no configuration for routes", f.Name))}
	case name != takes:
		return field.ErrorList{field.Invalid(at.Child("@type"), Shortened(name), "must be "+typedconfig.URLPrefix+takes)}
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

// Shortened shortens text from a policy that is quoted in a message: the text can be anything.
func Shortened(text string) string {
	const most = 128
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
