package replay

import (
	"bytes"
	"strings"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// compare compares two responses by kind and name of resources. It returns nothing if one of them is an error.
func compare(before, after answer) (out []Resource, err error) {
	if before.err != nil || after.err != nil {
		return nil, nil //nolint:nilerr // errors are compared by their texts
	}
	for _, kind := range callfile.Kinds() {
		b, a := listOf(before.resources, kind), listOf(after.resources, kind)
		changed, err := compareKind(kind, b, a)
		if err != nil {
			return nil, err
		}
		out = append(out, changed...)
	}
	return out, nil
}

func listOf(all []engine.Resources, kind mutator.Kind) (out [][]byte) {
	for _, list := range all {
		if list.Kind == kind {
			out = append(out, list.Encoded...)
		}
	}
	return out
}

// named is the name of a resource, and the number of earlier resources with the same name.
type named struct {
	name  string
	times int
}

func index(kind mutator.Kind, list [][]byte) (order []named, by map[named][]byte, err error) {
	by, times := map[named][]byte{}, map[string]int{}
	for _, raw := range list {
		name, err := callfile.NameOf(kind, raw)
		if err != nil {
			return nil, nil, err
		}
		n := named{strings.Clone(name), times[name]}
		times[n.name]++
		order, by[n] = append(order, n), raw
	}
	return order, by, nil
}

func compareKind(kind mutator.Kind, before, after [][]byte) (out []Resource, err error) {
	order, was, err := index(kind, before)
	if err != nil {
		return nil, err
	}
	newOrder, is, err := index(kind, after)
	if err != nil {
		return nil, err
	}
	kept := order[:0:0] // in both
	for _, n := range order {
		if is[n] == nil {
			out = append(out, Resource{Op: diff.Removed, Kind: kind, Name: n.name})
		} else {
			kept = append(kept, n)
		}
	}
	moved := false
	for _, n := range newOrder {
		if was[n] == nil {
			out = append(out, Resource{Op: diff.Added, Kind: kind, Name: n.name})
			continue
		}
		moved, kept = moved || kept[0] != n, kept[1:]
		changes, err := changesOf(kind, was[n], is[n])
		if err != nil {
			return nil, err
		}
		if len(changes) > 0 {
			out = append(out, Resource{Op: diff.Changed, Kind: kind, Name: n.name, Changes: changes})
		}
	}
	if moved {
		out = append(out, Resource{Op: diff.Changed, Kind: kind, Note: "other order"})
	}
	return out, nil
}

// changesOf returns the fields that differ. Maps are unordered.
func changesOf(kind mutator.Kind, before, after []byte) ([]diff.Change, error) {
	if bytes.Equal(before, after) {
		return nil, nil
	}
	b, err := callfile.Decode(kind, before)
	if err != nil {
		return nil, err
	}
	a, err := callfile.Decode(kind, after)
	if err != nil {
		return nil, err
	}
	result, err := diff.Messages(b, a)
	if err != nil {
		return nil, err
	}
	return result.Changes, nil
}
