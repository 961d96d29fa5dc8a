package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// quarantineKey returns the key of a mutator on a resource, and the digest of its input.
func (c *chain[T]) quarantineKey(in *mutator.Input, l *link[T], name string, raw []byte) (sandbox.Key, func() sandbox.Digest) {
	s := sandbox.Key{Owner: l.owner, Kind: string(c.kind), Name: name}
	return s, func() sandbox.Digest {
		return inputDigest(in, s, c.sorted(raw))
	}
}

// query returns a mutator's plan for a resource, unless the input is quarantined. It does not
// allocate, because it runs for every resource. If each plan has a timeout, the mutator gets a
// view of its own, which an abandoned goroutine can still read.
func (c *chain[T]) query(ctx context.Context, in *mutator.Input, l *link[T], view *wire.View, raw []byte) (plan *mutator.Plan[T], err error) {
	q := c.sandbox.Quarantine
	if !q.IsEmpty() {
		if err := q.Check(c.quarantineKey(in, l, view.Name(), raw)); err != nil {
			return nil, err
		}
	}
	if c.sandbox.IsIsolating() {
		own := c.detachedView(raw)
		plan, err = sandbox.Query(ctx, c.sandbox, l.owner, func() (*mutator.Plan[T], error) { return l.mutator.Plan(in, own), nil })
	} else {
		err = sandbox.Recover(func() error { plan = l.mutator.Plan(in, view); return nil })
	}
	if err != nil {
		s, input := c.quarantineKey(in, l, strings.Clone(view.Name()), raw)
		q.Note(s, input, err)
	}
	return plan, err
}

// detachedView returns a view of a copy of raw: an abandoned goroutine may read it while the caller
// is at the next resource.
func (c *chain[T]) detachedView(raw []byte) *wire.View {
	return wire.NewView(c.fields, bytes.Clone(raw))
}

// mutate runs a mutator on a copy, which belongs to it, and quarantines the input if it fails.
func (c *chain[T]) mutate(ctx context.Context, in *mutator.Input, s *step[T], edited T, raw []byte, r *resource[T]) error {
	edit := s.plan.Edit // the step is reused
	_, err := sandbox.Run(ctx, c.sandbox, r.goroutine, s.owner, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, edit(ctx, edited)
	})
	key, input := c.quarantineKey(in, &s.link, r.name, raw)
	c.sandbox.Quarantine.Note(key, input, err)
	return err
}

// onFailure returns the failure policy of a step: the plan's, by default the feature's. Without a
// plan it is the strictest of the feature's custom resources in the call.
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

// strictest returns the strictest failure policy (Fail, Deny, Ignore) of the custom resources of the
// call and of those in route metadata.
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

// objects returns all custom resources of the feature in a call.
func (l *link[T]) objects(in *mutator.Input) []*policy.Object { return objectsOf(in, l.kinds) }

// objectsOf returns all custom resources of some kinds in a call. It may return those in route
// metadata more than once.
func objectsOf(in *mutator.Input, kinds []policy.Kind) (all []*policy.Object) {
	for _, k := range kinds {
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

// affectedBy returns the custom resources that a failure affects in a translation. all is true if
// the plan does not name them or fails: then any can be affected, and none is Programmed.
func (c *chain[T]) affectedBy(ctx context.Context, s *step[T], raw []byte) (on []*policy.Object, all bool) {
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
	ask := s.plan.Affected // the step is reused
	on, err = sandbox.RunOnce(ctx, c.sandbox, s.owner, func(context.Context) ([]*policy.Object, error) { return ask(target), nil })
	return on, err != nil
}

// outcomes returns an outcome, and one more if its error has an additional result.
func outcomes(o *Outcome) []*Outcome {
	if also := AdditionalResult(o.Err); also != "" {
		and := *o
		and.Result = also
		return []*Outcome{o, &and}
	}
	return []*Outcome{o}
}

// AdditionalResult returns the result that an error counts as in addition: a panic, timeout or
// quarantine. It is empty for other errors.
func AdditionalResult(err error) Result {
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
