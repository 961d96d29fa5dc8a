package engine

import (
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// report appends the features' outcomes of policies. Reporters do not see failures of mutators: a
// policy affected by one is ApplyFailed, whatever the reporter says.
func (r *Response) report(h mutator.Hook, reports []featureReport) {
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

// failures are the failures of a feature in a call. In a hook for a single resource the first one
// affects all policies, unless the edit failed in part. In a translation each affects the policies
// that the plan names, or all if it names none.
type failures struct {
	all *Outcome
	by  map[policy.ID]*Outcome
}

func (r *Response) failuresOf(h mutator.Hook, feature string) failures {
	f := failures{by: map[policy.ID]*Outcome{}}
	for _, o := range r.failures {
		switch {
		case o.Feature != feature:
			continue
		case h != mutator.HookTranslation && !o.partial:
			f.all = o
			return f
		case o.affectsAll && f.all == nil:
			f.all = o
		}
		for _, on := range o.affected {
			if id := on.ID(); f.by[id] == nil {
				f.by[id] = o
			}
		}
	}
	return f
}

// of returns the first failure that affects a policy, or nil. A failure that names the policy takes
// precedence over one that may affect any policy.
func (f failures) of(p *policy.Object) *Outcome {
	if len(f.by) > 0 {
		if o := f.by[p.ID()]; o != nil {
			return o
		}
	}
	return f.all
}

// consequence returns the message about a failure.
func consequence(o *Outcome) string {
	if o.Result == Denied {
		return fmt.Sprintf("%v; requests are rejected (%s %q)", o.Err, o.Kind, o.Name)
	}
	return fmt.Sprintf("%v; nothing was changed (%s %q)", o.Err, o.Kind, o.Name)
}
