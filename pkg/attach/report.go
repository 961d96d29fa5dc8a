// Package attach implements features whose custom resources are attached to something: policies to
// Gateways, listeners, routes and rules, and filters to rules. It determines which ones are in effect,
// and reports their outcomes with the same messages.
//
// It must not depend on any feature.
package attach

import (
	"iter"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Target is one or more resources to which the same policies are attached.
type Target struct {
	// Attached are the policies, the one with precedence first; see [Effective]. Policies of which
	// only the name is known, because they were overridden on a route, have no content.
	Attached []policy.Attachment
	// Resources is the number of resources, and Name the name of a single one, if it is reported.
	Resources int
	Name      string
}

// Tally summarizes a policy's results on all targets of a translation.
type Tally struct {
	// Resources is the number of resources on which the policy is in effect, and Names are their names.
	Resources int
	Names     []string

	effective  bool
	conflict   *policy.Object // has precedence, and an equally specific target
	overridden *policy.Object // has a more specific target
}

// Elsewhere describes where a policy that is in effect is overridden, to append to a description.
func (t *Tally) Elsewhere(o *policy.Object) string {
	if t.conflict == nil {
		return ""
	}
	return "; elsewhere " + t.conflict.Precedence(o)
}

// Reporter is the [mutator.Reporter] of a kind of attached policies.
type Reporter struct {
	Kind schema.GroupVersionKind
	// OnFailure is the failure policy of policies without their own: Deny or Ignore.
	OnFailure mutator.FailurePolicy
	// Targets are the targets of a translation. If several policies override a policy, the last one
	// is named.
	Targets func(*mutator.Input) iter.Seq[Target]
	// Describe returns what an effective policy does.
	Describe func(*policy.Object, *Tally) string
	// NoTarget is the message for a policy without a target.
	NoTarget string
	// Failure returns why a policy that is otherwise Programmed or TargetNotFound cannot be applied
	// in this translation, or "" if it can.
	Failure func(*mutator.Input, *policy.Object, mutator.Reason) string
	// Denied returns the policies past a limit, by the name of the object, with the error. It may
	// be nil.
	Denied func(*mutator.Input) map[string]*policy.Object
}

// Report implements [mutator.Reporter]. Outside the Translation hook, which has the whole
// configuration, it only reports invalid policies.
func (r Reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookTranslation {
		for _, o := range in.Objects.Of(r.Kind) {
			if o.Err != nil {
				out = append(out, r.invalid(o))
			} else { // reported if the edit fails because the metadata cannot hold all policies
				out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Pending})
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

// count tallies the policies of the call, and the policies of routes, which are in their metadata.
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

// invalid returns the outcome of an invalid or rejected policy.
func (r Reporter) invalid(o *policy.Object) mutator.PolicyOutcome {
	then := "its targets are served without it"
	if OnFailure(o, r.OnFailure) == mutator.Deny {
		then = "requests to its targets are rejected"
	}
	return mutator.PolicyOutcome{Policy: o, Reason: mutator.ReasonOf(o.Err), Message: o.Err.Error() + "; " + then}
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

// missingFilter returns why a custom resource is not in effect: no listener has its HTTP filter.
func missingFilter(in mutator.Kind, denies bool) string {
	then := "requests are served without it"
	if denies {
		then = "requests are rejected"
	}
	return mutator.NotIncluded(in) + ", so the filter is missing; " + then
}
