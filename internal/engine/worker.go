package engine

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// scratch is the initial size of a worker's buffer.
const scratch = 4 << 10

// worker returns a function that runs the chain on one resource, and one that ends the worker. It
// allocates its buffers once: a resource without a plan needs no allocation.
//
// Plans and their cache keys depend on the input and on the view of the resource. So with the same
// input, a resource with the same bytes as in the previous call has the same result, and one that
// had no plan because of its name alone still has none.
func (c *chain[T]) worker(ctx context.Context, in *mutator.Input, results *cache.Table[resourceKey, cachedResult], last []previous) (worker, func()) {
	if c.kind == mutator.KindSecret {
		results = nil // private keys are never cached
	}
	view := wire.NewView(c.fields, nil)
	h := c.sandbox.Goroutine()
	var steps []step[T]
	var plans, content []byte
	if len(last) > 0 {
		content = make([]byte, 0, scratch)
	}
	return func(i int, raw []byte) resourceResult {
		was := near(last, i)
		for _, p := range was {
			if found := results.GetAt(p.Slot); found != nil && found.Value.content.Is(raw, content) {
				return hitOf(found, raw)
			}
		}
		view.Reset(raw)
		for _, p := range was {
			if p.unwanted != "" && p.unwanted == view.Name() {
				return resourceResult{raw: raw, previous: p}
			}
		}
		if steps = c.plan(ctx, in, view, raw, steps[:0]); len(steps) == 0 {
			a := resourceResult{raw: raw}
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

// planKey appends the cache keys of the plans, on which the result depends besides the resource. It
// returns nil if a plan has no cache key or failed.
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

// outcomeSize is the approximate size of an outcome with its name in bytes.
const outcomeSize = 160

// chainResult is the result of a chain for a resource. It can be cached.
type chainResult struct {
	name     string // current name
	was      string // previous name, if it differs
	kept     []byte // the resource under the previous name, nil if unmodified
	outcomes []*Outcome
	effects  []Effect // if recorded
	encoded  []byte   // for the cache, nil if unmodified
	partial  bool     // whether custom resources could not be applied to part of the resource

	references []reference // that edits added
	counts     []editCounts
}

// succeeded reports whether all mutators succeeded, at least in part, and sets the bytes to cache.
// Failures are not cached, since they may be timeouts. A partial failure is cached: its edit
// returned in time, and it depends only on the key.
func (a *resourceResult) succeeded() bool {
	for _, o := range a.result.outcomes {
		switch {
		case o.partial:
			a.result.partial = true
		case o.Result == Applied:
			a.result.encoded = a.raw
		case o.Result == Unchanged:
		default:
			return false
		}
	}
	return a.err == nil
}

// size returns the approximate size of the result in bytes.
func (r *cachedResult) size() int {
	return r.content.Size() + len(r.result.encoded) + len(r.result.kept) + len(r.result.references)*outcomeSize + sizeOfOutcomes(r.result.outcomes) + sizeOfCounts(r.result.counts)
}

// sizeOfOutcomes returns the approximate size of outcomes in the cache in bytes.
func sizeOfOutcomes(all []*Outcome) int {
	size := len(all) * outcomeSize
	for _, o := range all {
		if o.Err != nil {
			size += len(o.Err.Error()) + len(o.affected)*outcomeSize
		}
	}
	return size
}

// hitOf returns the cached result for a resource with the same content.
func hitOf(e *cache.Entry[cachedResult], raw []byte) resourceResult {
	r := e.Value.result
	if r.encoded != nil {
		raw = r.encoded
	}
	return resourceResult{raw: raw, result: r, cache: hit, previous: previous{Slot: e.Slot}}
}
