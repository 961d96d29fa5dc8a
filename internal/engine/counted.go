package engine

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/egraft/egraft/pkg/mutator"
)

// editCounts are the counts of a feature's edit of a resource, see [mutator.Count]. They are summed
// in every call, and a list is faster to iterate than a map.
type editCounts struct {
	feature string
	counts  []count
}

// count is a key and its count.
type count struct {
	key string
	n   int
}

// countedSize is the approximate size of a count with its key in bytes.
const countedSize = 64

// placedCounts are the counts of a resource of the call, or of a copy of a cluster, which is named.
type placedCounts struct {
	spot
	copied string
	all    []editCounts
}

// addCounts adds counts of a resource to the response.
func (r *Response) addCounts(at spot, copied string, all []editCounts) {
	if len(all) > 0 {
		r.counts, r.sums = append(r.counts, placedCounts{at, copied, all}), nil
	}
}

// forgetCounts removes the counts for which of returns true.
func (r *Response) forgetCounts(of func(placedCounts) bool) {
	r.counts, r.sums = slices.DeleteFunc(r.counts, of), nil
}

// countsOf returns the sums of counts by feature. They must not be changed.
func (r *Response) countsOf() map[string]mutator.Counts {
	if r.sums == nil {
		r.sums = sumsOf(r.counts)
	}
	return r.sums
}

func sumsOf(all []placedCounts) map[string]mutator.Counts {
	sums := map[string]mutator.Counts{}
	for _, p := range all {
		for _, c := range p.all {
			if sums[c.feature] == nil {
				sums[c.feature] = mutator.Counts{}
			}
			sum := sums[c.feature]
			for _, counted := range c.counts {
				sum[counted.key] += counted.n
			}
		}
	}
	return sums
}

// counting returns a context in which edits can count, and their counts; nil for features that do
// not count.
func counting(ctx context.Context, does bool) (context.Context, mutator.Counts) {
	if !does {
		return ctx, nil
	}
	counts := mutator.Counts{}
	return mutator.WithCounts(ctx, counts), counts
}

// withCounts appends the counts of a feature's edit, if any.
func withCounts(all []editCounts, feature string, counts mutator.Counts) []editCounts {
	if len(counts) == 0 {
		return all
	}
	list := make([]count, 0, len(counts))
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, count{key, counts[key]})
	}
	return append(all, editCounts{feature, list})
}

// sizeOfCounts returns the approximate size of counts in the cache in bytes.
func sizeOfCounts(all []editCounts) (size int) {
	for _, c := range all {
		size += len(c.counts) * countedSize
	}
	return size
}

// counts reports whether the edits of a feature can count.
func (e *Engine) counts(feature string) bool {
	return slices.ContainsFunc(e.features, func(f mutator.Feature) bool { return f.Name == feature && f.Rejects != nil })
}

// byCounts is a value that depends on an input and on counts, from the last call.
type byCounts[V any] struct {
	last atomic.Pointer[valueOfCounts[V]]
}

type valueOfCounts[V any] struct {
	counts map[string]mutator.Counts
	value  V
}

// get computes the value unless the counts equal those of the last call. It does not keep a value
// with an error.
func (b *byCounts[V]) get(counts map[string]mutator.Counts, compute func() (V, error)) (V, error) {
	if last := b.last.Load(); last != nil && maps.EqualFunc(last.counts, counts, maps.Equal[mutator.Counts, mutator.Counts]) {
		return last.value, nil
	}
	value, err := compute()
	if err == nil {
		b.last.Store(&valueOfCounts[V]{counts, value})
	}
	return value, err
}
