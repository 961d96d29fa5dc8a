package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// report appends what the features say about their policies. A feature that does not see what
// became of the resources must not call those programmed on which a failure bears.
func (r *Result) report(h mutator.Hook, reports []featureReport) {
	for _, report := range reports {
		failures := r.failuresOf(h, report.feature)
		for _, p := range report.policies {
			failed := failures.of(p.Policy)
			switch {
			case failed != nil && (p.Reason == mutator.Programmed || p.Reason == mutator.Pending):
				p.Reason, p.Message = mutator.ApplyFailed, consequence(failed)
			case p.Reason == mutator.Pending:
				continue
			}
			r.Policies = append(r.Policies, p)
		}
	}
}

// failures are those of a feature in a call. In a hook for a single resource the first one
// bears on all policies, in a translation each on those that its mutator names, and on all if
// it names none: whoever says nothing about its failures must not call a policy programmed.
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

func (r *Result) failuresOf(h mutator.Hook, feature string) failures {
	f := failures{by: map[identity]*Outcome{}}
	for _, o := range r.failures {
		switch {
		case o.Feature != feature:
			continue
		case h != mutator.HookTranslation:
			f.all = o
			return f
		case o.onAll && f.all == nil:
			f.all = o
		}
		for _, on := range o.bearsOn {
			if id := identityOf(on); f.by[id] == nil {
				f.by[id] = o
			}
		}
	}
	return f
}

// of is the failure that bears on a policy, the first of several, nil without one. One that
// names the policy comes before one that may bear on any.
func (f failures) of(p *policy.Object) *Outcome {
	if len(f.by) > 0 {
		if o := f.by[identityOf(p)]; o != nil {
			return o
		}
	}
	return f.all
}

// consequence says what a failure led to.
func consequence(o *Outcome) string {
	if o.Verdict == Denied {
		return fmt.Sprintf("%v; requests are refused (%s %q)", o.Err, o.Kind, o.Name)
	}
	return fmt.Sprintf("%v; nothing was changed (%s %q)", o.Err, o.Kind, o.Name)
}
