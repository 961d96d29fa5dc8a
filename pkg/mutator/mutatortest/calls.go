package mutatortest

import (
	"context"
	"fmt"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// testCase is the content of in.yaml.
type testCase struct {
	path    string
	several bool // has calls, even if there is only one
	steps   []step
}

// step is one call of a case.
type step struct {
	call       *engine.Call
	unmodified bool   // as set in the case
	at         string // prefix of its fields' names in in.yaml
}

// result is a step with its response.
type result struct {
	step
	res *engine.Response
}

// sent rejects calls that Envoy Gateway does not make for the feature alone.
func (c *testCase) sent(newFeature func() mutator.Feature) error {
	f := newFeature()
	for _, s := range c.steps {
		if err := sent(&f, s.call); err != nil {
			return fmt.Errorf("%s: %s%w", c.path, s.at, err)
		}
	}
	return nil
}

// answer makes the calls of a case in order, each with a new engine. The returned calls are
// complete.
func (c *testCase) answer(ctx context.Context, newFeature func() mutator.Feature) ([]result, error) {
	var out []result
	left := callfile.Returned{}
	for i, s := range c.steps {
		fail := func(err error) ([]result, error) { return nil, fmt.Errorf("%s: %s%w", c.path, s.at, err) }
		if i > 0 {
			call := clone(s.call)
			if err := left.Complete(call); err != nil {
				return fail(err)
			}
			s.call = call
		}
		res, err := answer(ctx, newFeature(), s.call)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", c.path, s.name(), err)
		}
		if err := left.Note(res); err != nil {
			return fail(err)
		}
		out = append(out, result{s, res})
	}
	return out, nil
}

// name identifies the call in messages.
func (s *step) name() string { return s.at + "hook " + string(s.call.Hook) }
