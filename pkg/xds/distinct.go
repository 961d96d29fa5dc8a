package xds

import "slices"

// fewItems is up to where a look at every item is cheaper than a map.
const fewItems = 8

// distinct is a list without duplicates. Most have one item; that of a cluster to which
// thousands of routes lead must not be searched for each of them.
type distinct[T comparable] struct {
	list []T
	seen map[T]struct{} // from fewItems on
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
