package buffer

import (
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// reporter tells what became of each policy of a translation.
type reporter struct{}

// tally is how a policy fared at the listeners and routes that it is attached to.
type tally struct {
	listeners, rules int // that it won
	conflict         *policy.Object
	overridden       *policy.Object
}

// Report tells what became of each policy. In the Route hook that is only which ones are
// wrong: the translation that follows knows the whole.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	objects := in.Objects.Of(gvk)
	if in.Hook == mutator.HookRoute {
		for _, o := range objects {
			if !usable(o) {
				out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: invalid(o)})
			}
		}
		return out
	}
	objects, tallies := count(in, slices.Clone(objects))
	for _, o := range objects {
		reason, message := outcome(o, tallies[o])
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

// count goes through the listeners and marks; policies of routes join the objects.
func count(in *mutator.Input, objects []*policy.Object) ([]*policy.Object, map[*policy.Object]*tally) {
	tallies := map[*policy.Object]*tally{}
	for _, o := range objects {
		tallies[o] = &tally{}
	}
	for _, name := range in.Reach().Configurations() {
		for _, found := range groups(in, in.Reach().Configuration(name)) {
			w := winner(found)
			for _, c := range found {
				if tallies[c.Object] == nil {
					tallies[c.Object] = &tally{}
					objects = append(objects, c.Object)
				}
				tallies[c.Object].add(c, w)
			}
		}
	}
	return objects, tallies
}

func (t *tally) add(c policy.Candidate, w *policy.Candidate) {
	switch {
	case w == nil || !usable(c.Object):
	case c.Object == w.Object && c.Specificity >= policy.ToRoute:
		t.rules++
	case c.Object == w.Object:
		t.listeners++
	case c.Specificity == w.Specificity:
		t.conflict = w.Object
	default:
		t.overridden = w.Object
	}
}

func invalid(o *policy.Object) string {
	if denies(o) {
		return fmt.Sprintf("%v; requests to its targets are refused", o.Err)
	}
	return fmt.Sprintf("%v; its targets are as they are without it", o.Err)
}

func outcome(o *policy.Object, t *tally) (mutator.Reason, string) {
	switch {
	case !usable(o):
		return mutator.Invalid, invalid(o)
	case t.listeners+t.rules > 0:
		return mutator.Programmed, describe(&policy.Typed[v1alpha1.BufferPolicy](o).Spec, t)
	case t.conflict != nil:
		return mutator.Conflicted, fmt.Sprintf("%s is older and has the same target", t.conflict)
	case t.overridden != nil:
		return mutator.Overridden, fmt.Sprintf("%s is attached more closely to all that this policy reaches", t.overridden)
	default:
		return mutator.TargetNotFound, "no listener of any target has a route, or Envoy Gateway does not include routes in the Translation hook"
	}
}

func describe(s *v1alpha1.BufferPolicySpec, t *tally) string {
	text := "requests are not buffered"
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		text = fmt.Sprintf("filters hold up to %s of a request", s.MaxRequestBytes)
	default:
		text = fmt.Sprintf("requests of up to %s are held until they are complete", s.MaxRequestBytes)
	}
	text += fmt.Sprintf("; listeners: %d, route configurations with its routes: %d", t.listeners, t.rules)
	if t.conflict != nil {
		text += fmt.Sprintf("; elsewhere %s is older", t.conflict)
	}
	return text
}
