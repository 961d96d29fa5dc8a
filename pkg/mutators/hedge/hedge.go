// Package hedge implements HedgeFilter: Envoy sends a request to one more endpoint when
// the first one is slow, and answers with whatever comes first.
//
// It edits the routes whose rules name a filter, in the Route hook, and no more of them
// than the hedge policy and the retry policy. See README.md.
package hedge

import (
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the family's name in configuration, logs and metrics.
const Name = "hedge"

// gvk is the kind of resource that the family reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindHedgeFilter)

// New returns the family.
func New() mutator.Family {
	return mutator.Family{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookRoute},
		Filters:       []policy.Kind{policy.NewKind(gvk, validate).WithConditions("hedgefilters")},
		FailurePolicy: mutator.Ignore, // a slow answer is better than none
		Routes:        routes{},
		Reporter:      reporter{},
	}
}
