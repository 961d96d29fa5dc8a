package engine

import (
	"cmp"
	"maps"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/pkg/mutator"
)

// lacking are additions that were not made, by name, with the outcomes by feature.
type lacking struct {
	why     map[string]map[string]*Outcome
	there   map[string]bool // what was made, for one feature or another
	wanted  map[string]bool // what is referred to
	lengths []bool          // of the names
}

// note takes up an addition that is not made, with the outcome that says why.
func (l *lacking) note(o *Outcome, name string) {
	switch {
	case l.there[name]: // so that what refers to it is all right
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

// made notes an addition that is there now: another feature may want the same.
func (l *lacking) made(name string) {
	if l.there == nil {
		l.there = map[string]bool{}
	}
	l.there[name] = true
	delete(l.why, name)
}

// in are the names of lacking additions that an encoded message refers to, wherever that is and inside of any Any: a
// name is contiguous bytes behind their number. One that occurs by chance is a resource too many
// that is denied, and never one too few. It takes one look at each byte.
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

// broughtIn are the names that a resource refers to and did not when it came.
func (l *lacking) broughtIn(before, now []byte) map[string]bool {
	found := l.in(now)
	if len(found) > 0 {
		was := l.in(before)
		maps.DeleteFunc(found, func(name string, _ bool) bool { return was[name] })
	}
	return found
}

// blame makes additions that nothing refers to affect all policies of their features, since it is
// not known which policy needs them. For the others, the plan of the resource that refers to them
// names the affected policies.
func (l *lacking) blame() {
	for name, by := range l.why {
		for _, o := range by {
			o.affectsAll = o.affectsAll || !l.wanted[name]
		}
	}
}

// spot is where a resource of a call is: in which of the lists, and at which position.
type spot struct{ list, at int }

func (s spot) compare(o spot) int {
	return cmp.Or(cmp.Compare(s.list, o.list), cmp.Compare(s.at, o.at))
}

// unsettled are resources on which mutators failed, as it turns out after all ran, with the
// errors by owner.
type unsettled map[spot]map[string]error

// fail notes that a mutator failed on a resource, and tells whether that is news.
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

// subject is what an outcome is about.
type subject struct {
	kind mutator.Kind
	name string
}
