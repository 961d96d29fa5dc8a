package attach

import (
	"iter"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// targets are the routes of each virtual host, once for each slot.
func (p *filterPolicy[T]) targets(in *mutator.Input) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, name := range in.Routes().Configurations() {
			for r := range p.eachRoute(in, name) {
				for _, slot := range r.slots {
					if !yield(Target{Attached: p.judgedSlot(in, slot), Resources: r.routes}) {
						return
					}
				}
			}
		}
	}
}

// failure is why a policy cannot be applied for what did not come with the translation.
func (p *filterPolicy[T]) failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	switch hasListeners := in.Has(mutator.KindListener); {
	case r == mutator.Programmed && !hasListeners:
		return missingFilter(p.denies(o))
	case r == mutator.TargetNotFound && hasListeners && p.denies(o) && p.chains(in).unknown != nil:
		return errNoRoutes.Error() + "; requests to all listeners are rejected"
	default:
		return ""
	}
}

func (p *filterPolicy[T]) describe(o *policy.Object, t *Tally) string {
	return p.Describe(policy.As[T](o), t.Resources) + t.Elsewhere(o)
}
