package mutator

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Order returns the features in their order of execution. Features without After keep the order of
// the list. A feature with After runs directly after the last feature that it names, which may be
// earlier than its position in the list. If several run after the same feature, they keep the order
// of the list. An unknown or ambiguous name, and a cycle, are errors.
func Order(features []Feature) ([]Feature, error) {
	o := ordering{index: map[string]int{}, features: features, ranks: map[string]rank{}}
	var errs []error
	for i := range features {
		name := features[i].Name
		if _, twice := o.index[name]; twice {
			errs = append(errs, fmt.Errorf("feature %q is listed twice", name))
		}
		o.index[name] = i
	}
	for i := range features {
		errs = append(errs, o.unknown(&features[i])...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i := range features {
		if _, err := o.rank(features[i].Name); err != nil {
			return nil, err
		}
	}
	out := slices.Clone(features)
	slices.SortStableFunc(out, func(a, b Feature) int { return o.ranks[a.Name].compare(o.ranks[b.Name]) })
	return out, nil
}

// rank is the position of a feature: after the feature at an index of the list, and after features
// there with a smaller depth.
type rank struct{ index, depth int }

func (r rank) compare(other rank) int {
	return cmp.Or(cmp.Compare(r.index, other.index), cmp.Compare(r.depth, other.depth))
}

// ordering finds the ranks of features.
type ordering struct {
	features []Feature
	index    map[string]int
	ranks    map[string]rank
	path     []string // chain of features whose ranks are being found, each required by the previous one
}

// unknown reports names that no feature has.
func (o *ordering) unknown(f *Feature) (errs []error) {
	for _, other := range f.After {
		if _, ok := o.index[other]; !ok {
			known := strings.Join(slices.Sorted(maps.Keys(o.index)), ", ")
			errs = append(errs, fmt.Errorf("feature %q: after %q: no feature has this name, the features are %s", f.Name, other, known))
		}
	}
	return errs
}

func (o *ordering) rank(name string) (rank, error) {
	if r, ok := o.ranks[name]; ok {
		return r, nil
	}
	if i := slices.Index(o.path, name); i >= 0 {
		return rank{}, fmt.Errorf("features run after each other: %s", strings.Join(append(o.path[i:], name), " after "))
	}
	o.path = append(o.path, name)
	f := &o.features[o.index[name]]
	r := rank{index: o.index[name]}
	if len(f.After) > 0 {
		r = rank{}
	}
	for _, other := range f.After {
		before, err := o.rank(other)
		if err != nil {
			return rank{}, err
		}
		before.depth++
		if before.compare(r) > 0 {
			r = before
		}
	}
	o.path = o.path[:len(o.path)-1]
	o.ranks[name] = r
	return r, nil
}
