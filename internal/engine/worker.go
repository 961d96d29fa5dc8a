package engine

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// scratch is how much memory a worker begins with to compare in.
const scratch = 4 << 10

// worker returns what takes resources through the chain, one after another, and what ends
// that. What it needs for that it makes once: a resource that no mutator wants costs no
// memory.
//
// Which mutators apply and what they depend on follows from the input and the view of the
// resource. So for the same input, a resource that is what it was at the same place is answered
// at once, and so is one that nobody wanted for its name.
func (c *chain[T]) worker(ctx context.Context, in *mutator.Input, m *memo, last []before) (worker, func()) {
	if c.kind == mutator.KindSecret {
		m = nil // private keys are never kept
	}
	view := wire.NewView(c.shape, nil)
	what := []byte(string(c.hook) + " " + string(c.kind))
	h := c.sandbox.Goroutine()
	var steps []step[T]
	var key, content []byte
	if len(last) > 0 {
		content = make([]byte, 0, scratch)
	}
	return func(i int, raw []byte) answer {
		var was before
		if i < len(last) {
			was = last[i]
		}
		if found := m.again(was.place, raw, content); found != nil {
			return found.answer(raw)
		}
		view.Reset(raw)
		if was.unwanted != "" && was.unwanted == view.Name() {
			return answer{raw: raw, before: was}
		}
		if steps = c.plan(ctx, in, view, raw, steps[:0]); len(steps) == 0 {
			a := answer{raw: raw}
			if view.OnlyNameRead() {
				a.unwanted = view.Name()
			}
			return a
		}
		key = cacheKey(steps, key[:0])
		if m == nil || key == nil {
			return c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		}
		content = append(content[:0], raw...)
		c.maps().Sort(content)
		if found := m.find(what, key, content); found != nil {
			return found.answer(raw)
		}
		a := c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		a.memo = missed
		if a.succeeded() {
			size := len(a.result.encoded) + len(a.result.kept) + (len(a.result.outcomes)+len(a.result.references))*outcomeSize
			a.place = m.keepContent(c.maps(), a.result, size, what, key, content).place
		}
		return a
	}, h.Release
}

// cacheKey is all that the result depends on besides the resource, and nil if a mutator does not
// say it or failed.
func cacheKey[T message](steps []step[T], key []byte) []byte {
	for i := range steps {
		s := &steps[i]
		if s.failure != nil || s.plan.CacheKey == nil {
			return nil
		}
		key = binary.AppendUvarint(key, uint64(s.position))
		key = binary.AppendUvarint(key, uint64(len(*s.plan.CacheKey)))
		key = append(key, *s.plan.CacheKey...)
	}
	return key
}

// outcomeSize is about what an outcome takes, its name included.
const outcomeSize = 160

// result is what became of a resource.
type result struct {
	name     string // that it has now
	was      string // its name before, if that is another one
	kept     []byte // what it is under that name, nil if it is what it came as
	outcomes []*Outcome
	encoded  []byte // to be remembered, nil if it is what it was

	references []reference // that edits brought in
}

// succeeded tells whether all mutators did, and notes what is to be remembered: what failed
// is tried again.
func (a *answer) succeeded() bool {
	for _, o := range a.result.outcomes {
		switch o.Verdict {
		case Applied:
			a.result.encoded = a.raw
		case Unchanged:
		default:
			return false
		}
	}
	return a.err == nil
}

// answer is that for a resource with the same content.
func (m *memory) answer(raw []byte) answer {
	r := m.value.(*result)
	if r.encoded != nil {
		raw = r.encoded
	}
	return answer{raw: raw, result: r, memo: recalled, before: before{place: m.place}}
}
