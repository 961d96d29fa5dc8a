package engine

import (
	"maps"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/pkg/mutator"
)

// lacking are additions that were not made, by name, and why, by the families that wanted them.
type lacking struct {
	why     map[string]map[string]error
	there   map[string]bool // what was made, for one family or another
	lengths []bool          // of the names
}

// note takes up an addition that is not made.
func (l *lacking) note(family, name string, err error) {
	if name == "" || l.there[name] {
		return // nothing refers to it, or what it refers to is there
	}
	if l.why == nil {
		l.why = map[string]map[string]error{}
	}
	if l.why[name] == nil {
		l.why[name] = map[string]error{}
	}
	l.why[name][family] = err
	if more := len(name) + 1 - len(l.lengths); more > 0 {
		l.lengths = append(l.lengths, make([]bool, more)...)
	}
	l.lengths[len(name)] = true
}

// made notes an addition that is there now: another family may want the same.
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

// spot is where a resource of a call is: in which of the lists, and at which position.
type spot struct{ list, at int }

// unsettled are resources on which mutators failed, as it turns out after all ran, with the
// errors by family.
type unsettled map[spot]map[string]error

func (u unsettled) fail(at spot, family string, err error) {
	if u[at] == nil {
		u[at] = map[string]error{}
	}
	if u[at][family] == nil {
		u[at][family] = err
	}
}

// subject is what an outcome is about.
type subject struct {
	kind mutator.Kind
	name string
}
