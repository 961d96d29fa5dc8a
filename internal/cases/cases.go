// Package cases makes cases of the conformance kit from recorded calls: what Envoy Gateway would
// send to one feature alone, and the current result of that feature.
//
// It must not write files.
package cases

import (
	"context"
	"errors"
	"fmt"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// Case is a case of the conformance kit.
type Case struct {
	// Name is the name of its directory: the Gateway and the outcomes.
	Name string
	// In and Out are the files in.yaml and out.yaml.
	In, Out []byte
	// Calls and Resources count its content.
	Calls, Resources int
}

// Maker makes cases for a feature.
type Maker struct {
	Feature mutator.Feature
	// All includes every translation, not only the last one of each Gateway.
	All bool
	// OnlyChanged removes resources from translations that the feature does not change, if the
	// result stays the same.
	OnlyChanged bool
}

// ErrNothing means that the feature does nothing in a recording.
var ErrNothing = errors.New("in the recorded calls, the feature does nothing")

// Make makes the cases of a recording.
func (m *Maker) Make(ctx context.Context, r *recording.Recording) ([]Case, error) {
	var out []Case
	names := map[string]int{}
	for _, group := range m.groups(r) {
		c, err := m.make(ctx, group)
		if err != nil {
			return nil, err
		}
		if c == nil {
			continue
		}
		names[c.Name]++
		if n := names[c.Name]; n > 1 {
			c.Name = fmt.Sprintf("%s-%d", c.Name, n)
		}
		out = append(out, *c)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNothing, m.Feature.Name)
	}
	return out, nil
}

// groups returns groups of calls that belong together, in the order of the calls: a translation
// comes last, after the calls for its resources. A call without a translation is a group of its own.
func (m *Maker) groups(r *recording.Recording) (groups [][]*recording.Call) {
	translations, known := r.Latest(), map[string]bool{}
	if m.All {
		translations = nil
	}
	for _, c := range r.Calls {
		if c.Hook != mutator.HookTranslation {
			continue
		}
		known[c.ID] = true
		if m.All {
			translations = append(translations, c)
		}
	}
	for _, t := range translations {
		groups = append(groups, append(r.Singles(t), t))
	}
	for _, c := range r.Calls {
		if c.Hook != mutator.HookTranslation && (c.Translation == "" || !known[c.Translation]) {
			groups = append(groups, []*recording.Call{c})
		}
	}
	return groups
}

// step is a call of a case.
type step struct {
	call       *engine.Call // as in the file
	complete   *engine.Call // as it was made
	res        *engine.Response
	unmodified bool
}

// make makes a case from calls, nil if the feature does nothing in them.
func (m *Maker) make(ctx context.Context, group []*recording.Call) (*Case, error) {
	var steps []step
	done, something := callfile.Returned{}, false
	for _, c := range group {
		s, err := m.step(ctx, c, done)
		if err != nil {
			return nil, fmt.Errorf("call %s: %w", c.ID, err)
		}
		if s == nil || s.unmodified && s.call.Hook != mutator.HookTranslation {
			continue
		}
		if err := done.Note(s.res); err != nil {
			return nil, fmt.Errorf("call %s: %w", c.ID, err)
		}
		steps, something = append(steps, *s), something || !s.unmodified
	}
	if !something {
		return nil, nil //nolint:nilnil // documented above
	}
	last := group[len(group)-1]
	return m.file(ctx, last, steps)
}

// step makes the call of the feature alone, nil if Envoy Gateway would not make it.
func (m *Maker) step(ctx context.Context, c *recording.Call, done callfile.Returned) (*step, error) {
	call := m.narrow(c.Call)
	if call == nil {
		return nil, nil //nolint:nilnil // documented above
	}
	if err := abridge(call, done); err != nil {
		return nil, err
	}
	s := &step{call: call}
	if err := m.run(ctx, s, done); err != nil {
		return nil, err
	}
	if m.OnlyChanged && call.Hook == mutator.HookTranslation && !s.unmodified {
		return m.reduce(ctx, s, done)
	}
	return s, nil
}

// run runs the call of a step, completed with what earlier calls returned.
func (m *Maker) run(ctx context.Context, s *step, done callfile.Returned) error {
	s.complete = clone(s.call)
	if err := done.Complete(s.complete); err != nil {
		return err
	}
	e, err := engine.New([]mutator.Feature{m.Feature})
	if err != nil {
		return err
	}
	if s.res, err = e.Run(ctx, s.complete); err != nil {
		return err
	}
	changed, err := changes(s.complete, s.res)
	s.unmodified = len(changed)+len(s.res.Outcomes)+len(s.res.Policies) == 0
	return err
}
