package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// suspicion is a mutator on a resource, with what the quarantine has to know of it.
func (c *chain[T]) suspicion(in *mutator.Input, l *link[T], name string, raw []byte) (sandbox.Key, func() sandbox.Digest) {
	s := sandbox.Key{Owner: l.feature, Kind: string(c.kind), Name: name}
	return s, func() sandbox.Digest {
		return inputDigest(in, s, c.sorted(raw))
	}
}

// ask asks a mutator what it will do with a resource, unless it is in quarantine. That costs no
// memory of the engine's unless each question is watched: every resource is asked about. Where it
// is, the mutator gets a view of its own, since it may go on behind the engine's back.
func (c *chain[T]) ask(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (plan *mutator.Plan[T], err error) {
	q := c.sandbox.Quarantine
	if !q.IsEmpty() {
		if err := q.Check(c.suspicion(in, l, view.Name(), raw)); err != nil {
			return nil, err
		}
	}
	if c.sandbox.IsIsolating() {
		own := c.own(raw)
		plan, err = sandbox.Query(ctx, c.sandbox, l.feature, func() (*mutator.Plan[T], error) { return l.mutator.Plan(in, own), nil })
	} else {
		err = sandbox.Recover(func() error { plan = l.mutator.Plan(in, view); return nil })
	}
	if err != nil {
		s, input := c.suspicion(in, l, strings.Clone(view.Name()), raw)
		q.Note(s, input, err)
	}
	return plan, err
}

// own is a view for a question that may go on behind the engine's back, when the next
// resource is under the caller's.
func (c *chain[T]) own(raw []byte) *wire.View { return wire.NewView(c.shape, bytes.Clone(raw)) }

// mutate runs a mutator on a copy, which belongs to it, and notes how that went.
func (c *chain[T]) mutate(ctx context.Context, in *mutator.Input, s *step[T], edited T, raw []byte, r *resource[T]) error {
	edit := s.plan.Edit // the step is used again
	_, err := sandbox.Run(ctx, c.sandbox, r.goroutine, s.feature, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, edit(ctx, edited)
	})
	key, input := c.suspicion(in, &s.link, r.name, raw)
	c.sandbox.Quarantine.Note(key, input, err)
	return err
}

// onFailure is the failure policy of a step. If there is no plan that says one, it is the
// strictest of the feature's custom resources in the call.
func (s *step[T]) onFailure(in *mutator.Input) mutator.FailurePolicy {
	switch {
	case s.plan == nil:
		return s.strictest(in)
	case s.plan.OnFailure == mutator.Deny || s.plan.OnFailure == mutator.Ignore:
		return s.plan.OnFailure
	default:
		return s.onError
	}
}

type strictestOf struct{ feature string }

// strictest is Fail before Deny before Ignore, of the custom resources that came with the call and
// of those that the Route hook left on routes.
func (l *link[T]) strictest(in *mutator.Input) mutator.FailurePolicy {
	return mutator.ComputeOnce(in, strictestOf{l.feature}, func(in *mutator.Input) (strictest mutator.FailurePolicy) {
		for _, o := range l.objects(in) {
			own := mutator.FailurePolicy(o.FailurePolicy)
			if own != mutator.Deny && own != mutator.Ignore {
				own = l.onError
			}
			if strictest == "" || strictest == mutator.Ignore || own == mutator.Fail {
				strictest = own
			}
		}
		return cmp.Or(strictest, l.onError)
	})
}

// objects are all custom resources of the feature that a call has.
func (l *link[T]) objects(in *mutator.Input) (all []*policy.Object) {
	for _, k := range l.kinds {
		all = append(all, in.Objects.Of(k.GroupVersionKind)...)
		if in.Hook != mutator.HookTranslation {
			continue
		}
		for _, name := range in.Routes().Configurations() {
			for _, m := range in.Routes().Configuration(name).MetadataEntries() {
				for _, c := range mutator.DecodeAttached(in, k, m) {
					all = append(all, c.Object)
				}
			}
		}
	}
	return all
}

// affected asks on which custom resources a failure bears, where that is not all of the call. If the
// mutator does not say it or cannot, it may be any: none of them is called programmed then.
func (c *chain[T]) affected(ctx context.Context, s *step[T], raw []byte) (on []*policy.Object, all bool) {
	if c.hook != mutator.HookTranslation {
		return nil, false
	}
	if s.plan == nil || s.plan.Affected == nil {
		return nil, true
	}
	target, err := c.decode(raw)
	if err != nil {
		return nil, true
	}
	ask := s.plan.Affected // the step is used again
	on, err = sandbox.RunOnce(ctx, c.sandbox, s.feature, func(context.Context) ([]*policy.Object, error) { return ask(target), nil })
	return on, err != nil
}

// outcomes is an outcome, and one more for what is counted in addition.
func outcomes(o *Outcome) []*Outcome {
	if also := special(o.Err); also != "" {
		and := *o
		and.Verdict = also
		return []*Outcome{o, &and}
	}
	return []*Outcome{o}
}

// special is the verdict for an error that is worth a count of its own.
func special(err error) Verdict {
	if err == nil {
		return ""
	}
	if p := (*sandbox.PanicError)(nil); errors.As(err, &p) {
		return Panicked
	}
	if t := (*sandbox.TimeoutError)(nil); errors.As(err, &t) {
		return TimedOut
	}
	if q := (*sandbox.QuarantineError)(nil); errors.As(err, &q) {
		return Quarantined
	}
	return ""
}

// reports adds to the result what became of the policies. If a feature does not come to an
// end with it, that is all that is missing.
func (e *Engine) reports(ctx context.Context, p *prepared, res *Result) {
	r := p.said.Load()
	if r == nil {
		var err error
		r, err = sandbox.RunOnce(ctx, e.sandbox, sandbox.WholeCall, func(context.Context) (*reported, error) { return p.report(), nil })
		if err == nil {
			p.said.Store(r)
		} else {
			r = &reported{warnings: []error{fmt.Errorf("report what became of policies: %w", err)}}
		}
	}
	res.report(p.in.Hook, r.features)
	res.Warnings = append(res.Warnings, r.warnings...)
}
