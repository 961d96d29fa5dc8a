// Package hedge implements HedgeFilter: Envoy sends a request to another endpoint when the first one
// is slow, and returns the response that starts first.
//
// In the Route hook, it edits the hedge policy and the retry policy of routes whose rules refer to a
// filter, and nothing else. See README.md.
package hedge

import (
	"fmt"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "hedge"

// New returns the feature.
func New() mutator.Feature {
	return attach.RouteFilter[v1alpha1.HedgeFilter]{
		Name:      Name,
		Kind:      v1alpha1.GroupVersion.WithKind(v1alpha1.KindHedgeFilter),
		Resource:  "hedgefilters",
		OnFailure: mutator.Ignore, // a slow response is better than none
		Validate:  validate,
		Edit:      hedge,
		Key:       sentOnce,
		Describe: func(f *v1alpha1.HedgeFilter) string {
			return fmt.Sprintf("requests that take longer than %s are sent once more", f.Spec.PerTryTimeout)
		},
	}.Feature()
}
