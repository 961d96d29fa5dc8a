package xds

import "slices"

// fewItems is the number of items up to which a linear search is cheaper than a map.
const fewItems = 8

// distinct is a list without duplicates. Most have one item, but a cluster to which thousands of
// routes lead needs a map instead of a linear search for each of them.
type distinct[T comparable] struct {
	list []T
	seen map[T]struct{} // nil below fewItems
}

// addAll adds items, which must not change any more: thousands of clusters share the same single
// item.
func (d *distinct[T]) addAll(items []T) {
	if len(d.list) == 0 && len(items) == 1 {
		d.list = items[:1:1]
		return
	}
	for _, item := range items {
		d.add(item)
	}
}

func (d *distinct[T]) add(item T) {
	if d.seen == nil {
		if slices.Contains(d.list, item) {
			return
		}
		d.list = append(d.list, item)
		if len(d.list) == fewItems {
			d.seen = make(map[T]struct{}, 2*fewItems)
			for _, i := range d.list {
				d.seen[i] = struct{}{}
			}
		}
		return
	}
	if _, there := d.seen[item]; !there {
		d.seen[item] = struct{}{}
		d.list = append(d.list, item)
	}
}
