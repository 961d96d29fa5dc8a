package wire

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Mask selects fields of a message type, as a field mask does.
// https://protobuf.dev/reference/protobuf/google.protobuf/#field-mask
type Mask struct {
	fields []maskField // by number
}

// maskField is a selected field, as a whole or as far as the mask within selects.
type maskField struct {
	kept   bool
	within *Mask
}

// MaskOf selects the fields at the paths, which are field names joined by dots. It panics if m does
// not have a path.
func MaskOf(m proto.Message, paths ...string) *Mask {
	mask := &Mask{}
	for _, path := range paths {
		mask.add(m.ProtoReflect().Descriptor(), path)
	}
	return mask
}

func (m *Mask) add(d protoreflect.MessageDescriptor, path string) {
	name, rest, _ := strings.Cut(path, ".")
	f := d.Fields().ByName(protoreflect.Name(name))
	if f == nil {
		panic(fmt.Sprintf("%s has no field %q", d.FullName(), name))
	}
	if one := f.ContainingOneof(); one != nil { // the last field of a oneof counts
		for i := range one.Fields().Len() {
			m.keep(one.Fields().Get(i).Number())
		}
	}
	m.keep(f.Number())
	if rest == "" {
		return
	}
	within := &m.fields[f.Number()].within
	if *within == nil {
		*within = &Mask{}
	}
	(*within).add(f.Message(), rest)
}

func (m *Mask) keep(num protowire.Number) {
	if n := int(num) + 1; n > len(m.fields) {
		m.fields = slices.Grow(m.fields, n-len(m.fields))[:n]
	}
	m.fields[num].kept = true
}

// Append appends an encoded message reduced to the fields of the mask. Their meaning does not
// depend on the fields that are left out. If the message is malformed, the rest is left out.
func (m *Mask) Append(b, encoded []byte) []byte {
	at := 0
	for end, f := range fieldsOf(encoded) {
		field := encoded[at:end]
		at = end
		switch {
		case int(f.Number) >= len(m.fields) || !m.fields[f.Number].kept:
		case m.fields[f.Number].within == nil || f.Value == nil:
			b = append(b, field...)
		default:
			b = protowire.AppendTag(b, f.Number, protowire.BytesType)
			from := len(b)
			b = m.fields[f.Number].within.Append(b, f.Value)
			var length [10]byte
			b = slices.Insert(b, from, protowire.AppendVarint(length[:0], uint64(len(b)-from))...)
		}
	}
	return b
}
