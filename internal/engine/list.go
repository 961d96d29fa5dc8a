package engine

import (
	"context"
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
)

// resourcesPerPiece is how many resources a goroutine takes at a time: about 20 µs of work if all
// are cached.
const resourcesPerPiece = 64

// worker runs a chain on the resource at a position of the list.
type worker func(i int, raw []byte) resourceResult

// resourceResult is the result for a resource, with the state that the cache needs.
type resourceResult struct {
	raw      []byte
	result   *chainResult // nil if no mutator had a plan
	err      error        // of a call that must fail; it also has a result
	cache    cacheUse
	previous // for the next call
}

// cacheUse records whether the result of a resource was in the cache.
type cacheUse int8

const (
	uncached cacheUse = iota // no mutator had a plan, or one has no cache key
	hit
	miss
)

// count adds the cache hits and misses of a list to the statistics.
func (e *Engine) count(results []resourceResult) {
	var uses [miss + 1]uint64
	for i := range results {
		uses[results[i].cache]++
	}
	e.cache.Count(uses[hit], uses[miss])
}

// list runs the chain of the kind over the resources, if there is one.
func (e *Engine) list(ctx context.Context, p *callState, list Resources, res *Response) ([][]byte, error) {
	in := p.in
	chain := e.chains[in.Hook][list.Kind]
	if chain == nil {
		return list.Encoded, nil
	}
	results := make([]resourceResult, len(list.Encoded))
	last := p.previous(list.Kind)
	parallel(len(results), resourcesPerPiece, func() (func(int), func()) {
		run, end := chain.worker(ctx, in, e.cached.resources, last)
		return func(i int) { results[i] = run(i, list.Encoded[i]) }, end
	})
	e.count(results)
	p.keep(list.Kind, last, results)
	return res.addList(list, results)
}

// addList adds the results of a list to the response, up to the first error that must fail the
// call, and returns the resources.
func (r *Response) addList(list Resources, results []resourceResult) ([][]byte, error) {
	encoded := list.Encoded
	var names []string // nil unless a mutator applied
	for i := range results {
		a := &results[i]
		if a.result == nil {
			continue
		}
		if names == nil {
			encoded, names = append(make([][]byte, 0, len(results)), encoded...), make([]string, len(results))
		}
		encoded[i], names[i] = a.raw, a.result.name
		at := spot{len(r.Resources), i} // the index of the next list of the response
		r.place(at, a.result.effects)
		r.addCounts(at, "", a.result.counts)
		r.transient = r.transient || a.cache == uncached
		if a.result.was != "" && list.Kind == mutator.KindCluster {
			r.rename(a.result, at, list.Encoded[i])
		}
		if len(a.result.references) > 0 {
			r.referring = append(r.referring, referring{at, a.result.references})
		}
		if len(r.Outcomes) == cap(r.Outcomes) { // most resources have one outcome
			r.Outcomes = slices.Grow(r.Outcomes, len(results)-i)
		}
		if a.cache == hit && !a.result.partial { // other failures are not cached
			r.Outcomes = append(r.Outcomes, a.result.outcomes...)
		} else {
			r.add(a.result.outcomes...)
		}
		if a.err != nil {
			return nil, a.err
		}
	}
	if _, there := r.names[list.Kind]; !there { // a second list of a kind is ignored
		r.names[list.Kind] = names
	}
	return encoded, nil
}

// add adds outcomes to the response.
func (r *Response) add(outcomes ...*Outcome) {
	r.Outcomes = append(r.Outcomes, outcomes...)
	for _, o := range outcomes {
		if o.Result == Denied || o.Result == Ignored || o.Result == NameConflict {
			r.failures = append(r.failures, o)
		}
	}
}
