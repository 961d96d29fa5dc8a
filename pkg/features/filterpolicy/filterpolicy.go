// Package filterpolicy implements FilterPolicy: an HTTP filter of Envoy in the filter chain, for the
// requests of the policy's targets.
//
// It reads the filter's configuration and supports every filter alike. It must not change what
// belongs to a listener or route without a policy. See README.md.
package filterpolicy

import (
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/filterspec"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "filter-policy"

type filterPolicy = v1alpha1.FilterPolicy

// New returns the feature. edsInitialFetchTimeout is how long Envoy waits for the endpoints of a cluster
// with an upstream filter; 0 leaves Envoy's default.
func New(edsInitialFetchTimeout time.Duration) mutator.Feature {
	return attach.FilterPolicy[filterPolicy]{
		Name:                   Name,
		Kind:                   v1alpha1.GroupVersion.WithKind(v1alpha1.KindFilterPolicy),
		Targets:                func(p *filterPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		OnFailure:              mutator.Ignore,
		Validate:               validate,
		Slot:                   func(p *filterPolicy) string { return p.Spec.Filter.Name },
		Position:               func(p *filterPolicy) httpfilter.Position { return filterspec.OfPolicy(p).Position() },
		Config:                 func(p *filterPolicy) (proto.Message, error) { return filterspec.OfPolicy(p).Message() },
		PerRoute:               func(p *filterPolicy) (proto.Message, error) { return filterspec.OfPolicy(p).RouteMessage() },
		Upstream:               func(p *filterPolicy) bool { return p.Spec.Upstream },
		EDSInitialFetchTimeout: edsInitialFetchTimeout,
		Describe: func(p *filterPolicy, routes int) string {
			return filterspec.OfPolicy(p).Describe(p.Spec.Filter.Name, routes)
		},
	}.Feature()
}

func validate(p *filterPolicy) (errs field.ErrorList) {
	for _, fault := range validation.IsDNS1123Label(p.Spec.Filter.Name) {
		errs = append(errs, field.Invalid(field.NewPath("spec", "filter", "name"), filterspec.Shortened(p.Spec.Filter.Name), fault))
	}
	return append(errs, filterspec.OfPolicy(p).Validate()...)
}
