package engine

import (
	"context"
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
)

// resourcesPerPiece is how many resources a goroutine takes at a time: what takes some
// 20 µs if all of them are answered from memory.
const resourcesPerPiece = 64

// worker takes resources through a chain, one after another.
type worker func(raw []byte) answer

// answer is what becomes of a resource.
type answer struct {
	raw      []byte
	name     string // of raw
	outcomes []Outcome
	err      error // of a call that has to fail
	memo     memoUse
}

// memoUse says whether a resource was answered from memory.
type memoUse int8

const (
	notAsked memoUse = iota // no mutator applied, or one does not say what it depends on
	recalled
	missed
)

// list runs the chain of the kind over the resources, if there is one.
func (e *Engine) list(ctx context.Context, in *mutator.Input, list Resources, res *Result) ([][]byte, error) {
	chain := e.chains[in.Hook][list.Kind]
	if chain == nil {
		return list.Encoded, nil
	}
	answers := make([]answer, len(list.Encoded))
	spread(len(answers), resourcesPerPiece, func() (func(int), func()) {
		run, end := chain.worker(ctx, in, e.memo)
		return func(i int) { answers[i] = run(list.Encoded[i]) }, end
	})
	e.memo.count(answers)
	until, err := firstError(answers)
	res.add(answers[:until])
	if err != nil {
		return nil, fmt.Errorf("%s hook: %w", in.Hook, err)
	}
	encoded, names := make([][]byte, len(answers), len(answers)+1), make([]string, len(answers))
	for i, a := range answers {
		encoded[i], names[i] = a.raw, a.name
	}
	if _, there := res.names[list.Kind]; !there { // a second list of a kind is nobody's
		res.names[list.Kind] = names
	}
	return encoded, nil
}

// firstError is the first one in the order of the list, and how many answers there are up
// to it: all of them without an error.
func firstError(answers []answer) (until int, err error) {
	for i, a := range answers {
		if a.err != nil {
			return i + 1, a.err
		}
	}
	return len(answers), nil
}

// add appends the outcomes of the answers.
func (r *Result) add(answers []answer) {
	n := len(r.Outcomes)
	for _, a := range answers {
		n += len(a.outcomes)
	}
	if n == len(r.Outcomes) {
		return
	}
	all := append(make([]Outcome, 0, n), r.Outcomes...)
	for _, a := range answers {
		all = append(all, a.outcomes...)
	}
	r.Outcomes = all
}
