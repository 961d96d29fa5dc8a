package engine

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/egraft/egraft/internal/cache"
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
func (c *chain[T]) worker(ctx context.Context, in *mutator.Input, results *cache.Table[resourceKey, cachedResult], last []before) (worker, func()) {
	if c.kind == mutator.KindSecret {
		results = nil // private keys are never cached
	}
	view := wire.NewView(c.shape, nil)
	h := c.sandbox.Goroutine()
	var steps []step[T]
	var plans, content []byte
	if len(last) > 0 {
		content = make([]byte, 0, scratch)
	}
	return func(i int, raw []byte) answer {
		var was before
		if i < len(last) {
			was = last[i]
		}
		if found := results.GetAt(was.Slot); found != nil && found.Value.content.Is(raw, content) {
			return hitOf(found, raw)
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
		plans = planKey(steps, plans[:0])
		if results == nil || plans == nil {
			return c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		}
		content = append(content[:0], raw...)
		c.maps().Sort(content)
		key := resourceKey{c.hook, c.kind, plans, content}
		if found := results.Get(key); found != nil {
			return hitOf(found, raw)
		}
		a := c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
		a.cache = miss
		if a.succeeded() {
			a.Slot = results.PutFunc(key, func(content []byte) (cachedResult, int) {
				r := cachedResult{c.maps().Canonical(content), a.result}
				return r, r.size()
			})
		}
		return a
	}, h.Release
}

// planKey is all that the result depends on besides the resource, and nil if a mutator does not
// say it or failed.
func planKey[T message](steps []step[T], key []byte) []byte {
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
	encoded  []byte // to be cached, nil if it is what it was

	references []reference // that edits brought in
}

// succeeded tells whether all mutators did, and notes what is to be cached: what failed
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

// size is about how many bytes the result takes.
func (r *cachedResult) size() int {
	return r.content.Size() + len(r.result.encoded) + len(r.result.kept) + (len(r.result.outcomes)+len(r.result.references))*outcomeSize
}

// hitOf is the answer for a resource with the content of a cached result.
func hitOf(e *cache.Entry[cachedResult], raw []byte) answer {
	r := e.Value.result
	if r.encoded != nil {
		raw = r.encoded
	}
	return answer{raw: raw, result: r, cache: hit, before: before{Slot: e.Slot}}
}
