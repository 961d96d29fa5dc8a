package hedge

import (
	"fmt"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// reporter tells what became of the filters of a rule.
type reporter struct{}

// Report is about one route. That the route itself stands in the way is known to the
// engine, which says so in place of this.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	for i, o := range in.Objects.Of(gvk) {
		switch {
		case i > 0:
			out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Conflicted, Message: fmt.Sprintf("%s is a filter of the same rule and older", in.Objects.Of(gvk)[0])})
		case o.Err != nil:
			out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: o.Err.Error()})
		default:
			s := &policy.Typed[v1alpha1.HedgeFilter](o).Spec
			out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Programmed, Message: fmt.Sprintf("requests that take longer than %s are sent once more", s.PerTryTimeout)})
		}
	}
	return out
}
