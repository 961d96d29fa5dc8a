package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// report appends what the families say about their policies. A family that does not see what
// became of the resources must not call those programmed on which a failure bears.
func (r *Result) report(h mutator.Hook, reports []familyReport) {
	for _, report := range reports {
		failures := r.failuresOf(h, report.family)
		for _, p := range report.policies {
			failed := failures.of(p.Policy)
			switch {
			case failed != nil && (p.Reason == mutator.Programmed || p.Reason == mutator.Undecided):
				p.Reason, p.Message = mutator.Failed, consequence(failed)
			case p.Reason == mutator.Undecided:
				continue
			}
			r.Policies = append(r.Policies, p)
		}
	}
}

// failures are those of a family in a call. In a hook for a single resource the first one
// bears on all policies, in a translation each on those that its mutator names.
type failures struct {
	all *Outcome
	by  map[identity]*Outcome
}

// identity is that of a custom resource: one that a route carries is read anew.
type identity struct {
	schema.GroupVersionKind
	namespace, name string
}

func identityOf(o *policy.Object) identity {
	return identity{o.GroupVersionKind, o.Namespace, o.Name}
}

func (r *Result) failuresOf(h mutator.Hook, family string) failures {
	f := failures{by: map[identity]*Outcome{}}
	for _, o := range r.failures {
		switch {
		case o.Family != family:
			continue
		case h != mutator.HookTranslation:
			f.all = o
			return f
		}
		for _, on := range o.bearsOn {
			if id := identityOf(on); f.by[id] == nil {
				f.by[id] = o
			}
		}
	}
	return f
}

// of is the failure that bears on a policy, the first of several, nil without one.
func (f failures) of(p *policy.Object) *Outcome {
	if f.all != nil || len(f.by) == 0 {
		return f.all
	}
	return f.by[identityOf(p)]
}

// consequence says what a failure led to.
func consequence(o *Outcome) string {
	if o.Verdict == Denied {
		return fmt.Sprintf("%v; requests are refused (%s %q)", o.Err, o.Kind, o.Name)
	}
	return fmt.Sprintf("%v; nothing was changed (%s %q)", o.Err, o.Kind, o.Name)
}
