package attach

import (
	"iter"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// targets yields the routes of each virtual host, once for each slot.
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

// failure returns why a policy cannot be applied: resources that the translation does not contain.
func (p *filterPolicy[T]) failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	isDenying := r == mutator.TargetNotFound && p.denies(o) && p.chains(in).unknown != nil
	switch {
	case r == mutator.Programmed && p.isMissing(in, o):
		return missingFilter(p.holder(o), p.denies(o))
	case isDenying && in.Has(mutator.KindListener):
		return errNoRoutes.Error() + "; requests to all listeners are rejected"
	case isDenying && p.isUpstream(o) && in.Has(mutator.KindCluster):
		return errNoRoutes.Error() + "; requests to all backends are rejected"
	default:
		return ""
	}
}

func (p *filterPolicy[T]) describe(o *policy.Object, t *Tally) string {
	return p.Describe(policy.As[T](o), t.Resources) + t.Elsewhere(o)
}

// isMissing reports whether a policy's filter is missing because the translation does not contain
// the resource that holds it.
func (p *filterPolicy[T]) isMissing(in *mutator.Input, o *policy.Object) bool {
	return !in.Has(p.holder(o))
}

// holder returns the kind of resource that holds a policy's filter.
func (p *filterPolicy[T]) holder(o *policy.Object) mutator.Kind {
	if p.isUpstream(o) {
		return mutator.KindCluster
	}
	return mutator.KindListener
}
