package xdspatch

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Path is where a patch writes: a field of a message, or elements of a list and entries of a map by
// their keys. It begins at the message that the patch selects.
type Path []step

// Field is the first field of the path.
func (p Path) Field() protoreflect.Name { return p[0].fd.Name() }

// Touched are the fields of the message that a write to the path may change: the first one, and those of which a message
// has at most one with it.
func (p Path) Touched() (fields []protoreflect.FieldDescriptor) {
	of := p[0].fd.ContainingOneof()
	if of == nil {
		return []protoreflect.FieldDescriptor{p[0].fd}
	}
	for i := range of.Fields().Len() {
		fields = append(fields, of.Fields().Get(i))
	}
	return fields
}

// IsBroad reports whether a write to the path may change more than one scalar field, or one of an element of a
// list or map.
func (p Path) IsBroad() bool {
	for _, s := range p {
		if s.key != nil || s.as != nil {
			return true
		}
	}
	last := p.last()
	of := last.inside()
	return last.fd.IsList() || last.fd.IsMap() || of != nil && !isWrapper(of) && of.FullName() != "google.protobuf.Duration"
}

// step is a field, and which of its elements.
type step struct {
	fd protoreflect.FieldDescriptor
	// key selects elements of a list or the entry of a map. A list or map without one stands for the
	// whole if the step is the last, and for all elements if it is not.
	key *key
	// as is the message inside of an Any, whose fields the next step has.
	as protoreflect.MessageType
}

// key selects elements of a list by a field of them, or by their value if there is no field, and an
// entry of a map by its key.
type key struct {
	fields []protoreflect.FieldDescriptor
	value  protoreflect.Value
	text   string
}

// String is the path as users write it: circuit_breakers.thresholds[priority=DEFAULT].
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.fd.TextName())
		if s.key != nil {
			b.WriteString(s.key.String())
		}
		if s.as != nil {
			b.WriteString("[@type=" + string(s.as.Descriptor().FullName()) + "]")
		}
	}
	return b.String()
}

func (k *key) String() string {
	if k.fields == nil {
		return "[" + strconv.Quote(k.text) + "]"
	}
	names := make([]string, len(k.fields))
	for i, fd := range k.fields {
		names[i] = fd.TextName()
	}
	return "[" + strings.Join(names, ".") + "=" + bare(k.text) + "]"
}

// bare is a text without quotes if it can be read so.
func bare(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !isBare(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// Overlaps reports whether a write to one path may change what a write to the other left: they are the
// same, or one is inside of the other. Fields of which a message can have only one are the same.
func (p Path) Overlaps(other Path) bool {
	for i := range min(len(p), len(other)) {
		a, b := p[i], other[i]
		if a.fd.FullName() != b.fd.FullName() {
			return sameOneof(a.fd, b.fd)
		}
		if !a.key.overlaps(b.key) || a.as != nil && b.as != nil && a.as.Descriptor().FullName() != b.as.Descriptor().FullName() {
			return false
		}
	}
	return true
}

func sameOneof(a, b protoreflect.FieldDescriptor) bool {
	of, other := a.ContainingOneof(), b.ContainingOneof()
	return of != nil && other != nil && of.FullName() == other.FullName()
}

// overlaps is false for keys that select different elements.
func (k *key) overlaps(other *key) bool {
	return k == nil || other == nil || k.by() != other.by() || k.text == other.text
}

// by names the fields of a key.
func (k *key) by() string {
	names := ""
	for _, fd := range k.fields {
		names += string(fd.FullName()) + "."
	}
	return names
}

// Covers reports whether all that is written to the other path is inside of this one. A list or map
// without a key has all its elements inside.
func (p Path) Covers(other Path) bool {
	if len(p) > len(other) {
		return false
	}
	for i, a := range p {
		b := other[i]
		if a.fd.FullName() != b.fd.FullName() || a.key != nil && (b.key == nil || a.key.by() != b.key.by() || a.key.text != b.key.text) ||
			a.as != nil && (b.as == nil || a.as.Descriptor().FullName() != b.as.Descriptor().FullName()) {
			return false
		}
	}
	return true
}

// with returns the path with another step.
func (p Path) with(s step) Path { return append(p[:len(p):len(p)], s) }

// last is the step that a patch writes to.
func (p Path) last() step { return p[len(p)-1] }

// inside is the message whose fields follow a step, and nil if none does: the field is a scalar, or an
// Any whose message is not named.
func (s step) inside() protoreflect.MessageDescriptor {
	switch {
	case s.as != nil:
		return s.as.Descriptor()
	case s.fd.IsMap():
		return s.fd.MapValue().Message()
	}
	return s.fd.Message()
}
