package tenancy

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/filterspec"
	"github.com/egraft/egraft/internal/typedconfig"
)

// judgeFilter checks the filter of a policy. A granted filter may do anything. Any other filter
// must be confined, and so must its configuration: a filter can read Envoy's files, call any
// cluster and make Envoy reject other configuration.
func judgeFilter(granted []string, namespace string, s *filterspec.Spec) field.ErrorList {
	at := s.ConfigPath
	f, known := envoyfilter.Of(typedconfig.Name(s.Config.Raw))
	switch {
	case !known:
		return field.ErrorList{field.Forbidden(at, "is not a known HTTP filter")}
	case slices.Contains(granted, f.Name) || slices.Contains(granted, AllFilters):
		return nil
	case !f.IsConfined:
		return field.ErrorList{field.Forbidden(at, fmt.Sprintf("namespace %s may not use the filter %s: the operator can grant it by filters of %s", namespace, f.Name, rulesFlag))}
	}
	errs := confined(s.Config.Raw, at)
	if s.PerRoute != nil {
		errs = append(errs, confined(s.PerRoute.Raw, field.NewPath("spec", "perRoute"))...)
	}
	if f.Name == "header_mutation" && !s.IsBeforeRouter() {
		errs = append(errs, field.Forbidden(field.NewPath("spec", "position"), "must be BeforeRouter: a later filter could select another route by the headers"))
	}
	for _, err := range errs {
		err.Detail += fmt.Sprintf("; the operator can grant it to namespace %s by filters=%s of %s", namespace, f.Name, rulesFlag)
	}
	return errs
}

func confined(raw []byte, at *field.Path) field.ErrorList {
	m, errs := typedconfig.Read(raw, at)
	if len(errs) > 0 {
		return errs
	}
	return envoyfilter.Confined(m, at)
}
