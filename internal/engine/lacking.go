package engine

import (
	"cmp"
	"maps"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/pkg/mutator"
)

// lacking are additions that were not made, by name, with their outcomes by feature.
type lacking struct {
	why     map[string]map[string]*Outcome
	there   map[string]bool // additions that were made, by any feature
	wanted  map[string]bool // names that other resources refer to
	lengths []bool          // lengths of the names
}

// note records an addition that is not made, with the outcome that has the reason.
func (l *lacking) note(o *Outcome, name string) {
	switch {
	case l.there[name]: // references to it are valid
		return
	case name == "": // nothing can refer to it
		o.affectsAll = true
		return
	}
	if l.why == nil {
		l.why, l.wanted = map[string]map[string]*Outcome{}, map[string]bool{}
	}
	if l.why[name] == nil {
		l.why[name] = map[string]*Outcome{}
	}
	l.why[name][o.Feature] = o
	if more := len(name) + 1 - len(l.lengths); more > 0 {
		l.lengths = append(l.lengths, make([]bool, more)...)
	}
	l.lengths[len(name)] = true
}

// made records an addition that exists: another feature may need the same one.
func (l *lacking) made(name string) {
	if l.there == nil {
		l.there = map[string]bool{}
	}
	l.there[name] = true
	delete(l.why, name)
}

// in returns the names of lacking additions to which an encoded message refers, at any depth and
// inside any Any: a name is contiguous bytes after its length. A name that occurs by chance may
// deny one resource too many, but never one too few. Each byte is read once.
func (l *lacking) in(raw []byte) map[string]bool {
	var found map[string]bool
	for i := range raw {
		length, n := uint64(raw[i]), 1
		if length >= 0x80 {
			if length, n = protowire.ConsumeVarint(raw[i:]); n < 0 {
				continue
			}
		}
		if from := i + n; length < uint64(len(l.lengths)) && l.lengths[length] && from+int(length) <= len(raw) {
			if name := raw[from : from+int(length)]; l.why[string(name)] != nil {
				if found == nil {
					found = map[string]bool{}
				}
				found[string(name)] = true
			}
		}
	}
	return found
}

// broughtIn returns the names to which mutators added references.
func (l *lacking) broughtIn(before, now []byte) map[string]bool {
	found := l.in(now)
	if len(found) > 0 {
		was := l.in(before)
		maps.DeleteFunc(found, func(name string, _ bool) bool { return was[name] })
	}
	return found
}

// blame makes missing additions without references affect all policies of their features, since it
// is not known which policy needs them. For the others, the plan of the referring resource names
// the affected policies.
func (l *lacking) blame() {
	for name, by := range l.why {
		for _, o := range by {
			o.affectsAll = o.affectsAll || !l.wanted[name]
		}
	}
}

// spot is the position of a resource in a call: the index of the list, and the index in it.
type spot struct{ list, at int }

func (s spot) compare(o spot) int {
	return cmp.Or(cmp.Compare(s.list, o.list), cmp.Compare(s.at, o.at))
}

// unsettled are resources on which mutators failed, as found after all have run, with the errors by
// owner.
type unsettled map[spot]map[string]error

// fail records that a mutator failed on a resource, and reports whether that is new.
func (u unsettled) fail(at spot, owner string, err error) bool {
	if u[at] == nil {
		u[at] = map[string]error{}
	}
	if u[at][owner] != nil {
		return false
	}
	u[at][owner] = err
	return true
}

// subject is the resource of an outcome.
type subject struct {
	kind mutator.Kind
	name string
}
