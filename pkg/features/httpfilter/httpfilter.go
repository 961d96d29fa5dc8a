// Package httpfilter implements HTTPFilter: an HTTP filter of Envoy in the filter chain, for the requests
// of the rules that name it.
//
// It reads the filter's configuration and supports every filter alike. It must not change what
// belongs to a rule that names no filter. See README.md.
package httpfilter

import (
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/filterspec"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "http-filter"

type filter = v1alpha1.HTTPFilter

// New returns the feature. edsInitialFetchTimeout is how long Envoy waits for the endpoints of a cluster
// with an upstream filter; 0 leaves Envoy's default.
func New(edsInitialFetchTimeout time.Duration) mutator.Feature {
	return attach.Filter[filter]{
		Name:                   Name,
		Kind:                   v1alpha1.GroupVersion.WithKind(v1alpha1.KindHTTPFilter),
		Resource:               "httpfilters",
		OnFailure:              mutator.Ignore,
		Validate:               func(f *filter) field.ErrorList { return filterspec.OfFilter(f).Validate() },
		Position:               func(f *filter) httpfilter.Position { return filterspec.OfFilter(f).Position() },
		Config:                 func(f *filter) (proto.Message, error) { return filterspec.OfFilter(f).Message() },
		PerRoute:               func(f *filter) (proto.Message, error) { return filterspec.OfFilter(f).RouteMessage() },
		Upstream:               func(f *filter) bool { return f.Spec.Upstream },
		EDSInitialFetchTimeout: edsInitialFetchTimeout,
		Describe:               describe,
	}.Feature()
}

func describe(f *filter, routes int) string {
	of, _ := envoyfilter.Of(typedconfig.Name(f.Spec.TypedConfig.Raw))
	return filterspec.OfFilter(f).Describe(of.Name, routes)
}
