package engine

import (
	"context"
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
)

// resourcesPerPiece is how many resources a goroutine takes at a time: what takes some
// 20 µs if all of them are cached.
const resourcesPerPiece = 64

// worker takes resources through a chain, one after another: the one at a position in the
// list.
type worker func(i int, raw []byte) answer

// answer is what becomes of a resource.
type answer struct {
	raw    []byte
	result *result // nil if no mutator applied
	err    error   // of a call that has to fail, which has a result too
	cache  cacheUse
	before // what it is at the next call
}

// cacheUse says whether the result of a resource was cached.
type cacheUse int8

const (
	uncached cacheUse = iota // no mutator applied, or one does not say what it depends on
	hit
	miss
)

// count adds the cache hits and misses of a list to the statistics.
func (e *Engine) count(answers []answer) {
	var uses [miss + 1]uint64
	for i := range answers {
		uses[answers[i].cache]++
	}
	e.cache.Count(uses[hit], uses[miss])
}

// list runs the chain of the kind over the resources, if there is one.
func (e *Engine) list(ctx context.Context, p *prepared, list Resources, res *Result) ([][]byte, error) {
	in := p.in
	chain := e.chains[in.Hook][list.Kind]
	if chain == nil {
		return list.Encoded, nil
	}
	answers := make([]answer, len(list.Encoded))
	last := p.last(list.Kind)
	spread(len(answers), resourcesPerPiece, func() (func(int), func()) {
		run, end := chain.worker(ctx, in, e.cached.resources, last)
		return func(i int) { answers[i] = run(i, list.Encoded[i]) }, end
	})
	e.count(answers)
	p.note(list.Kind, last, answers)
	return res.take(list, answers)
}

// take adds what became of a list to the result, up to the first error of a call that has to
// fail, and returns the resources.
func (r *Result) take(list Resources, answers []answer) ([][]byte, error) {
	encoded := list.Encoded
	var names []string // if a mutator applied to any
	for i := range answers {
		a := &answers[i]
		if a.result == nil {
			continue
		}
		if names == nil {
			encoded, names = append(make([][]byte, 0, len(answers)), encoded...), make([]string, len(answers))
		}
		encoded[i], names[i] = a.raw, a.result.name
		at := spot{len(r.Resources), i} // the list will be the next one of the answer
		r.transient = r.transient || a.cache == uncached
		if a.result.was != "" && list.Kind == mutator.KindCluster {
			r.rename(a.result, at, list.Encoded[i])
		}
		if len(a.result.references) > 0 {
			r.referring = append(r.referring, referring{at, a.result.references})
		}
		if len(r.Outcomes) == cap(r.Outcomes) { // most have one
			r.Outcomes = slices.Grow(r.Outcomes, len(answers)-i)
		}
		if a.cache == hit { // what failed is not cached
			r.Outcomes = append(r.Outcomes, a.result.outcomes...)
		} else {
			r.add(a.result.outcomes...)
		}
		if a.err != nil {
			return nil, a.err
		}
	}
	if _, there := r.names[list.Kind]; !there { // a second list of a kind is nobody's
		r.names[list.Kind] = names
	}
	return encoded, nil
}

// add adds outcomes to the result.
func (r *Result) add(outcomes ...*Outcome) {
	r.Outcomes = append(r.Outcomes, outcomes...)
	for _, o := range outcomes {
		if o.Verdict == Denied || o.Verdict == Ignored || o.Verdict == NameConflict {
			r.failures = append(r.failures, o)
		}
	}
}
