package httpfilter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// Position is where in a chain a filter is inserted. The zero value is [BeforeRouter].
type Position struct {
	relation relation
	kind     Kind
}

type relation int

const (
	beforeRouter relation = iota
	first
	last
	at
	before
	after
)

// First is before all other filters.
func First() Position { return Position{relation: first} }

// BeforeRouter is after all filters except those of [Last] and the router.
func BeforeRouter() Position { return Position{relation: beforeRouter} }

// Last is immediately before the router, with no filter in between. The name of the filter
// must begin with [LastPrefix].
func Last() Position { return Position{relation: last} }

// At is the position of Envoy Gateway's filters of the kind: after all filters of kinds that come
// before it in [Order], and before the first of a later kind if possible.
// EnvoyProxy.spec.filterOrder and patches can move filters of other kinds; the filter is then after
// all filters that must run first.
func At(k Kind) Position { return Position{at, k} }

// Before is the position before the first filter of the kind, or before its usual position, see [At].
func Before(k Kind) Position { return Position{before, k} }

// After is the position after the last filter of the kind, or after its usual position, see [At].
func After(k Kind) Position { return Position{after, k} }

// Compare orders positions as in a chain, by [Order]. Insert filters with several positions in this
// order, so that they keep it where no filter of Envoy Gateway separates them.
func (p Position) Compare(other Position) int {
	return cmp.Or(cmp.Compare(p.rank(), other.rank()), cmp.Compare(p.relationRank(), other.relationRank()))
}

func (p Position) rank() int {
	switch p.relation {
	case first:
		return -1
	case beforeRouter:
		return len(order)
	case last:
		return len(order) + 1
	default:
		return slices.Index(order, p.kind)
	}
}

func (p Position) relationRank() int { return slices.Index([]relation{before, at, after}, p.relation) }

// index returns the index of the position among filters, which do not contain the filters to
// insert.
func (p Position) index(filters []*hcmv3.HttpFilter, name string) (int, error) {
	router := slices.IndexFunc(filters, func(f *hcmv3.HttpFilter) bool { return f.GetName() == string(Router) })
	switch {
	case strings.HasPrefix(name, LastPrefix) != (p.relation == last):
		return 0, fmt.Errorf("HTTP filter %q: filters directly in front of the router, and no others, have names that begin with %q", name, LastPrefix)
	case router < 0:
		return 0, fmt.Errorf("no HTTP filter that %q could be put in front of", name)
	}
	ofKind := func(f *hcmv3.HttpFilter) bool { return KindOf(f.GetName()) == p.kind }
	switch p.relation {
	case first:
		return 0, nil
	case last:
		return router, nil
	case before:
		if i := slices.IndexFunc(filters, ofKind); i >= 0 {
			return i, nil
		}
	case after:
		for i := len(filters) - 1; i >= 0 && p.kind != Router; i-- {
			if ofKind(filters[i]) {
				return i + 1, nil
			}
		}
	case beforeRouter:
		p.kind = Router
	}
	return placeOf(p.kind, filters)
}

// placeOf returns the index at which filters of a kind belong.
func placeOf(k Kind, filters []*hcmv3.HttpFilter) (int, error) {
	rank := slices.Index(order, k)
	if rank < 0 {
		return 0, fmt.Errorf("%q is not a kind of HTTP filters that Envoy Gateway knows", k)
	}
	place := slices.IndexFunc(filters, func(f *hcmv3.HttpFilter) bool {
		return slices.Index(order, KindOf(f.GetName())) > rank || KindOf(f.GetName()) == Router
	})
	for i := place; i < len(filters) && KindOf(filters[i].GetName()) != Router; i++ {
		if r := slices.Index(order, KindOf(filters[i].GetName())); r >= 0 && r < rank {
			place = i + 1
		}
	}
	return place, nil
}
