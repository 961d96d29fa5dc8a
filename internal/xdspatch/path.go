package xdspatch

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Path is where a patch writes: a field of a message, or elements of a list and entries of a map
// selected by their keys. It is relative to the message that the patch selects.
type Path []step

// Field returns the first field of the path.
func (p Path) Field() protoreflect.Name { return p[0].fd.Name() }

// Touched returns the fields of the message that a write to the path may change: the first one, and
// the other members of its oneof.
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

// IsBroad reports whether a write to the path may change more than one scalar field, or an element
// of a list or map.
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

// step is a field, with the selected elements if it is a list or map.
type step struct {
	fd protoreflect.FieldDescriptor
	// key selects elements of a list or the entry of a map. Without it, the last step stands for
	// the whole list or map, and any other step for all elements.
	key *key
	// as is the type of the message in an Any that contains the field of the next step.
	as protoreflect.MessageType
}

// key selects elements of a list by a field, or by their value if there is no field, and an entry
// of a map by its key.
type key struct {
	fields []protoreflect.FieldDescriptor
	value  protoreflect.Value
	text   string
}

// String returns the path as users write it: circuit_breakers.thresholds[priority=DEFAULT].
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

// bare returns a text without quotes if the parser accepts it so.
func bare(text string) string {
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return !isBare(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// Overlaps reports whether a write to one path may change the result of a write to the other: the
// paths are equal, or one contains the other. Members of a oneof count as equal.
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

// overlaps returns false for keys that select different elements.
func (k *key) overlaps(other *key) bool {
	return k == nil || other == nil || k.by() != other.by() || k.text == other.text
}

// by returns the fields of a key.
func (k *key) by() string {
	names := ""
	for _, fd := range k.fields {
		names += string(fd.FullName()) + "."
	}
	return names
}

// Covers reports whether everything written to the other path is inside this one. A list or map
// without a key contains all its elements.
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

// with returns the path with one more step.
func (p Path) with(s step) Path { return append(p[:len(p):len(p)], s) }

// last returns the step that a patch writes to.
func (p Path) last() step { return p[len(p)-1] }

// inside returns the message that has the field of the next step, nil if there cannot be one: the
// field is a scalar, or an Any without a type.
func (s step) inside() protoreflect.MessageDescriptor {
	switch {
	case s.as != nil:
		return s.as.Descriptor()
	case s.fd.IsMap():
		return s.fd.MapValue().Message()
	}
	return s.fd.Message()
}
