// Package filterspec has the common parts of FilterPolicy and HTTPFilter: an HTTP filter of Envoy,
// its position and its configuration.
//
// It reads and validates fields. It does not decide who may use which filter.
package filterspec

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Spec has the common fields of a custom resource.
type Spec struct {
	// Config is the configuration of the filter, and ConfigPath its path in the custom resource.
	Config     v1alpha1.TypedConfig
	ConfigPath *field.Path
	// PerRoute is the configuration for routes, at spec.perRoute; nil for none.
	PerRoute *v1alpha1.TypedConfig
	// IsUpstream is true if the filter is an upstream HTTP filter.
	IsUpstream bool

	position      *v1alpha1.FilterPosition
	failurePolicy *v1alpha1.FailurePolicy
}

// Of returns the fields of a FilterPolicy or HTTPFilter; nil for anything else.
func Of(content any) *Spec {
	switch c := content.(type) {
	case *v1alpha1.FilterPolicy:
		return OfPolicy(c)
	case *v1alpha1.HTTPFilter:
		return OfFilter(c)
	default:
		return nil
	}
}

// OfPolicy returns the fields of a policy.
func OfPolicy(p *v1alpha1.FilterPolicy) *Spec {
	s := &p.Spec
	return &Spec{s.Filter.TypedConfig, field.NewPath("spec", "filter", "typedConfig"), s.PerRoute, s.Upstream, s.Position, &s.FailurePolicy}
}

// OfFilter returns the fields of a filter.
func OfFilter(f *v1alpha1.HTTPFilter) *Spec {
	s := &f.Spec
	return &Spec{s.TypedConfig, field.NewPath("spec", "typedConfig"), s.PerRoute, s.Upstream, s.Position, &s.FailurePolicy}
}

// Message reads the configuration, which was validated.
func (s *Spec) Message() (proto.Message, error) {
	m, errs := typedconfig.Read(s.Config.Raw, s.ConfigPath)
	return m, errs.ToAggregate()
}

// RouteMessage reads the configuration for routes, nil if there is none.
func (s *Spec) RouteMessage() (proto.Message, error) {
	if s.PerRoute == nil {
		return nil, nil
	}
	m, errs := typedconfig.Read(s.PerRoute.Raw, field.NewPath("spec", "perRoute"))
	return m, errs.ToAggregate()
}

// Describe returns the effect of a filter with a name.
func (s *Spec) Describe(name string, routes int) string {
	requests := "requests"
	if s.IsUpstream {
		requests = "requests to backends"
	}
	return fmt.Sprintf("%s pass the filter %s; routes: %d", requests, name, routes)
}
