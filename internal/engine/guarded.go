package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// suspicion is a mutator on a resource, with what the quarantine has to know of it.
func (c *chain[T]) suspicion(in *mutator.Input, l *link[T], name string, raw []byte) (suspect, func() [sha256.Size]byte) {
	s := suspect{l.family, c.kind, name}
	return s, func() [sha256.Size]byte {
		return inputDigest(in, s, c.sorted(raw))
	}
}

// applies asks a mutator about a resource, unless it is in quarantine.
func (c *chain[T]) applies(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (bool, error) {
	q := c.guard.quarantine
	if !q.empty() {
		if err := q.check(c.suspicion(in, l, view.Name(), raw)); err != nil {
			return false, err
		}
	}
	yes, err := c.askApplies(ctx, in, l, view, raw)
	if err != nil {
		c.suspect(in, l, view.Name(), raw, err)
	}
	return yes, err
}

// askApplies costs no memory unless each question is watched: it is asked of every
// resource.
func (c *chain[T]) askApplies(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (yes bool, err error) {
	if !c.guard.isCareful() {
		err = contain(func() error { yes = l.mutator.Applies(in, view); return nil })
		return yes, err
	}
	own := c.own(raw)
	return watched(ctx, c.guard, l.family, func() (bool, error) { return l.mutator.Applies(in, own), nil })
}

// keyOf asks a mutator what its result depends on.
func (c *chain[T]) keyOf(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (string, error) {
	key, err := c.askKey(ctx, in, l, view, raw)
	if err != nil {
		c.suspect(in, l, view.Name(), raw, err)
	}
	return key, err
}

// askKey is for keys what [chain.askApplies] is for resources.
func (c *chain[T]) askKey(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (key string, err error) {
	if !c.guard.isCareful() {
		err = contain(func() error { key = l.keyed.Key(in, view); return nil })
		return key, err
	}
	own, keyed := c.own(raw), l.keyed // the link is among steps, which are used again
	return watched(ctx, c.guard, l.family, func() (string, error) { return keyed.Key(in, own), nil })
}

// suspect notes a question that led to an error.
func (c *chain[T]) suspect(in *mutator.Input, l *link[T], name string, raw []byte, err error) {
	s, input := c.suspicion(in, l, strings.Clone(name), raw)
	c.guard.quarantine.note(s, input, err)
}

// own is a view for a question that may go on behind the engine's back, when the next
// resource is under the caller's.
func (c *chain[T]) own(raw []byte) *wire.View { return wire.NewView(c.shape, bytes.Clone(raw)) }

// mutate runs a mutator on a copy, which belongs to it, and notes how that went.
func (c *chain[T]) mutate(ctx context.Context, in *mutator.Input, l link[T], edited T, raw []byte, r *resource[T]) error {
	_, err := bounded(ctx, c.guard, r.hand, l.family, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, l.mutator.Mutate(ctx, in, edited)
	})
	s, input := c.suspicion(in, &l, r.name, raw)
	c.guard.quarantine.note(s, input, err)
	return err
}

// onError is what becomes of a resource that the mutator could not treat. If the mutator
// cannot even say that, it is what the family says.
func (c *chain[T]) onError(ctx context.Context, in *mutator.Input, l *link[T], raw []byte) mutator.FailurePolicy {
	if l.failing == nil {
		return l.onError
	}
	view := c.own(raw)
	said, err := ask(ctx, c.guard, l.family, func() (mutator.FailurePolicy, error) { return l.failing.FailurePolicy(in, view), nil })
	if err == nil && (said == mutator.Deny || said == mutator.Ignore) {
		return said
	}
	return l.onError
}

// bears asks on which custom resources a failure bears, where that is not all of the call. A
// mutator that cannot say it says nothing.
func (c *chain[T]) bears(ctx context.Context, in *mutator.Input, l *link[T], raw []byte) []*policy.Object {
	if l.bearing == nil || c.hook != mutator.HookTranslation {
		return nil
	}
	target, err := c.decode(raw)
	if err != nil {
		return nil
	}
	bearing := l.bearing // the link is among steps, which are used again
	on, _ := once(ctx, c.guard, l.family, func(context.Context) ([]*policy.Object, error) { return bearing.Bears(in, target), nil })
	return on
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
	if p := (*PanicError)(nil); errors.As(err, &p) {
		return Panicked
	}
	if t := (*TimeoutError)(nil); errors.As(err, &t) {
		return TimedOut
	}
	if q := (*QuarantineError)(nil); errors.As(err, &q) {
		return Quarantined
	}
	return ""
}

// reports adds to the result what became of the policies. If a family does not come to an
// end with it, that is all that is missing.
func (e *Engine) reports(ctx context.Context, p *prepared, res *Result) {
	r := p.said.Load()
	if r == nil {
		var err error
		r, err = once(ctx, e.guard, itself, func(context.Context) (*reported, error) { return p.report(), nil })
		if err == nil {
			p.said.Store(r)
		} else {
			r = &reported{warnings: []error{fmt.Errorf("report what became of policies: %w", err)}}
		}
	}
	res.report(p.in.Hook, r.families)
	res.Warnings = append(res.Warnings, r.warnings...)
}
