// Package attach has what features share whose custom resources are attached: policies to
// Gateways, listeners, routes and rules, filters to rules. It decides which one is in effect, and
// tells of each what became of it, in the same words.
//
// It must not know any feature, and does not change resources.
package attach

import (
	"iter"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Target is one or more resources that the same policies are attached to.
type Target struct {
	// Attached are the policies, the one with precedence first; see [Effective]. Those whose name
	// alone is known, since they lost a route, have no content.
	Attached []policy.Attachment
	// Resources is how many there are, and Name that of the one, where it is told.
	Resources int
	Name      string
}

// Tally is how a policy fared on all targets of a translation.
type Tally struct {
	// Resources are those on which the policy is in effect, and Names what they are called.
	Resources int
	Names     []string

	effective  bool
	conflict   *policy.Object // with precedence, and as specific a target
	overridden *policy.Object // by one with a more specific target
}

// Elsewhere tells of a policy in effect where it is not, to be added to a description.
func (t *Tally) Elsewhere(o *policy.Object) string {
	if t.conflict == nil {
		return ""
	}
	return "; elsewhere " + t.conflict.Precedence(o)
}

// Reporter is the [mutator.Reporter] of a kind of policies that are attached.
type Reporter struct {
	Kind schema.GroupVersionKind
	// OnFailure is the failure policy of policies that have none of their own: Deny or Ignore.
	OnFailure mutator.FailurePolicy
	// Targets are those of a translation. If several policies beat one, the last is named.
	Targets func(*mutator.Input) iter.Seq[Target]
	// Describe tells what a policy in effect does.
	Describe func(*policy.Object, *Tally) string
	// NoTarget tells what a policy without a target does not have.
	NoTarget string
	// Failure tells why a policy that is otherwise Programmed, or without a target, cannot be
	// applied in this translation; empty if it can.
	Failure func(*mutator.Input, *policy.Object, mutator.Reason) string
	// Denied are the policies that are past a limit, by the name of the object, with the error.
	// It may be nil.
	Denied func(*mutator.Input) map[string]*policy.Object
}

// Report implements [mutator.Reporter]. In other hooks than the translation, which knows the
// whole, only the policies that are invalid are told of.
func (r Reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookTranslation {
		for _, o := range in.Objects.Of(r.Kind) {
			if o.Err != nil {
				out = append(out, r.invalid(o))
			}
		}
		return out
	}
	var denied map[string]*policy.Object
	if r.Denied != nil {
		denied = r.Denied(in)
	}
	for _, e := range r.count(in) {
		if o := denied[e.object.String()]; o != nil {
			e.object = o
		}
		out = append(out, r.outcome(in, e))
	}
	return out
}

// entry is a policy and its tally.
type entry struct {
	object *policy.Object
	Tally
}

// count tallies the policies of the call, and those of routes as they come with their targets.
func (r Reporter) count(in *mutator.Input) (all []*entry) {
	known := map[string]*entry{}
	of := func(o *policy.Object) *entry {
		e := known[o.String()]
		if e == nil {
			e = &entry{object: o}
			known[o.String()], all = e, append(all, e)
		}
		if o.Content() != nil {
			e.object = o
		}
		return e
	}
	for _, o := range in.Objects.Of(r.Kind) {
		of(o)
	}
	for t := range r.Targets(in) {
		effective := Effective(t.Attached, r.OnFailure)
		for _, c := range t.Attached {
			of(c.Object).add(c, effective, t)
		}
	}
	return all
}

// add tallies a policy that is attached to a target.
func (e *entry) add(c policy.Attachment, effective *policy.Attachment, t Target) {
	switch {
	case effective == nil:
	case c.String() == effective.String():
		e.effective = true
		e.Resources += t.Resources
		e.Names = append(e.Names, t.Name)
	case c.Specificity == effective.Specificity:
		e.conflict = effective.Object
	default:
		e.overridden = effective.Object
	}
}

func (r Reporter) invalid(o *policy.Object) mutator.PolicyOutcome {
	then := "its targets are as they are without it"
	if OnFailure(o, r.OnFailure) == mutator.Deny {
		then = "requests to its targets are rejected"
	}
	return mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: o.Err.Error() + "; " + then}
}

func (r Reporter) outcome(in *mutator.Input, e *entry) mutator.PolicyOutcome {
	o := e.object
	if o.Err != nil {
		return r.invalid(o)
	}
	reason, message := mutator.TargetNotFound, r.NoTarget+", or Envoy Gateway does not include routes in the Translation hook"
	switch {
	case e.effective:
		reason, message = mutator.Programmed, r.Describe(o, &e.Tally)
	case e.conflict != nil:
		reason, message = mutator.Conflicted, e.conflict.Precedence(o)+" and has the same target"
	case e.overridden != nil:
		reason, message = mutator.Overridden, e.overridden.String()+" has a more specific target and overrides this policy everywhere"
	}
	if reason == mutator.Programmed || reason == mutator.TargetNotFound {
		if why := r.Failure(in, o, reason); why != "" {
			reason, message = mutator.ApplyFailed, why
		}
	}
	return mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message}
}

// missingFilter says why a custom resource is not in effect whose HTTP filter is in no listener.
func missingFilter(denies bool) string {
	then := "requests are served without it"
	if denies {
		then = "requests are rejected"
	}
	return mutator.NotIncluded(mutator.KindListener) + ", so that the filter is missing; " + then
}
