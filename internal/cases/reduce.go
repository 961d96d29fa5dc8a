package cases

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// id identifies a resource of a call.
type id struct {
	kind mutator.Kind
	name string
}

// changes returns the resources that a call changed or added, with their new bytes, and those that
// it removed, with empty bytes.
func changes(call *engine.Call, res *engine.Response) (map[id]string, error) {
	before, err := index(call.Resources)
	if err != nil {
		return nil, err
	}
	after, err := index(res.Resources)
	if err != nil {
		return nil, err
	}
	out := map[id]string{}
	for i, raw := range after {
		if was, found := before[i]; !found || was != raw {
			out[i] = raw
		}
	}
	for i := range before {
		if _, found := after[i]; !found {
			out[i] = ""
		}
	}
	return out, nil
}

func index(lists []engine.Resources) (map[id]string, error) {
	out := map[id]string{}
	for _, list := range lists {
		for _, raw := range list.Encoded {
			name, err := callfile.NameOf(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			out[id{list.Kind, name}] += string(raw) // if two have the same name, both matter
		}
	}
	return out, nil
}

// reduce removes resources that the feature does not touch, if the feature still does the same with
// the others: all of them, those of one kind, or single route configurations.
func (m *Maker) reduce(ctx context.Context, s *step, done callfile.Returned) (*step, error) {
	all, err := index(s.complete.Resources)
	if err != nil {
		return nil, err
	}
	changed, err := changes(s.complete, s.res)
	if err != nil {
		return nil, err
	}
	for _, o := range s.res.Outcomes {
		changed[id{o.Kind, o.Name}] = ""
	}
	maps.DeleteFunc(all, func(i id, _ string) bool { _, touched := changed[i]; return touched })
	for _, drop := range selections(all) {
		reduced, err := m.without(ctx, s, done, drop)
		if err != nil {
			return nil, err
		}
		if reduced != nil {
			s = reduced
		}
	}
	return s, nil
}

// selections returns the sets of resources to try to remove, in order.
func selections(untouched map[id]string) (out []func(id) bool) {
	is := func(i id) bool { _, ok := untouched[i]; return ok }
	out = append(out, is)
	for _, k := range callfile.Kinds() {
		out = append(out, func(i id) bool { return i.kind == k && is(i) })
	}
	for _, i := range slices.SortedFunc(maps.Keys(untouched), func(a, b id) int { return cmp.Compare(a.name, b.name) }) {
		if i.kind == mutator.KindRouteConfiguration {
			out = append(out, func(j id) bool { return i == j })
		}
	}
	return out
}

// without returns a step without some resources, nil if it has none of them or its result differs.
func (m *Maker) without(ctx context.Context, s *step, done callfile.Returned, drop func(id) bool) (*step, error) {
	out, dropped := &step{call: clone(s.call)}, false
	for i, list := range out.call.Resources {
		var kept [][]byte
		for _, raw := range list.Encoded {
			name, err := callfile.NameOf(list.Kind, raw)
			if err != nil {
				return nil, err
			}
			if drop(id{list.Kind, name}) {
				dropped = true
			} else {
				kept = append(kept, raw)
			}
		}
		out.call.Resources[i].Encoded = kept
	}
	if !dropped {
		return nil, nil //nolint:nilnil // documented above
	}
	if err := m.run(ctx, out, done); err != nil {
		return nil, err
	}
	if same, err := alike(s, out); err != nil || !same {
		return nil, err
	}
	return out, nil
}

// alike reports whether two steps have the same outcomes and changes.
func alike(a, b *step) (bool, error) {
	changedA, err := changes(a.complete, a.res)
	if err != nil {
		return false, err
	}
	changedB, err := changes(b.complete, b.res)
	if err != nil {
		return false, err
	}
	resultA, err := callfile.NewResult(a.res)
	if err != nil {
		return false, err
	}
	resultB, err := callfile.NewResult(b.res)
	if err != nil {
		return false, err
	}
	return maps.Equal(changedA, changedB) && slices.Equal(resultA.Outcomes, resultB.Outcomes) && slices.Equal(resultA.Policies, resultB.Policies), nil
}
