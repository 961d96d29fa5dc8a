package engine

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/wire"
)

// worker returns what takes resources through the chain, one after another, and what ends
// that. What it needs
// for that it makes once: a resource that no mutator wants costs no memory.
func (c *chain[T]) worker(ctx context.Context, in *mutator.Input, m *memo) (worker, func()) {
	if c.kind == mutator.KindSecret {
		m = nil // private keys are never kept
	}
	view := wire.NewView(c.shape, nil)
	what := []byte(string(c.hook) + " " + string(c.kind))
	h := c.guard.hand()
	var steps []step[T]
	var key, content []byte
	return func(raw []byte) answer {
		view.Reset(raw)
		if steps = c.plan(ctx, in, view, raw, steps[:0]); len(steps) == 0 {
			return answer{raw: raw, name: view.Name()}
		}
		key = c.key(ctx, in, view, raw, steps, key[:0])
		if m == nil || key == nil {
			return c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		}
		content = append(content[:0], raw...)
		c.maps().Sort(content)
		if before, ok := m.recall(what, key, content).(*result); ok {
			return before.of(raw)
		}
		a := c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		if r := resultOf(a); r != nil {
			m.keep(r, len(r.encoded)+len(r.outcomes)*outcomeSize, what, key, content)
		}
		a.memo = missed
		return a
	}, h.rest
}

// key is all that the result depends on besides the resource, and nil if a mutator does
// not say it or fails, which is a failure of its step.
func (c *chain[T]) key(ctx context.Context, in *mutator.Input, view *wire.View, raw []byte, steps []step[T], key []byte) []byte {
	for i := range steps {
		s := &steps[i]
		if s.keyed == nil || s.failure != nil {
			return nil
		}
		var part string
		if part, s.failure = c.keyOf(ctx, in, &s.link, view, raw); s.failure != nil {
			return nil
		}
		key = binary.AppendUvarint(key, uint64(s.position))
		key = binary.AppendUvarint(key, uint64(len(part)))
		key = append(key, part...)
	}
	return key
}

// outcomeSize is about what an outcome takes, its name included.
const outcomeSize = 160

// result is what became of a resource, to be remembered.
type result struct {
	encoded  []byte // nil if it is what it was
	name     string
	outcomes []Outcome
}

// resultOf is nil if a mutator did not succeed: what failed is tried again.
func resultOf(a answer) *result {
	r := &result{name: a.name, outcomes: a.outcomes}
	for _, o := range a.outcomes {
		switch o.Verdict {
		case Applied:
			r.encoded = a.raw
		case Unchanged:
		default:
			return nil
		}
	}
	if a.err != nil {
		return nil
	}
	return r
}

// of is the answer for a resource with the same content.
func (r *result) of(raw []byte) answer {
	if r.encoded != nil {
		raw = r.encoded
	}
	return answer{raw: raw, name: r.name, outcomes: r.outcomes, memo: recalled}
}
