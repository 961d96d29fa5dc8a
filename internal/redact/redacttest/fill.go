package redacttest

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/redact"
)

// Fill puts the marker into all sensitive fields of a message and its nested messages, set or not,
// and into an unknown field. It returns how many fields it filled.
func Fill(m proto.Message) int {
	n := fill(m.ProtoReflect())
	m.ProtoReflect().SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 123_456, protowire.BytesType), Marker))
	return n + 1
}

func fill(m protoreflect.Message) (n int) {
	if m.Descriptor().FullName() == "google.protobuf.Any" {
		return fillAny(m)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		redact.EachMessage(f, v, func(inner protoreflect.Message) { n += fill(inner) })
		return true
	})
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if f := fields.Get(i); redact.IsSensitive(f) {
			set(m, f, 0)
			n++
		}
	}
	return n
}

func fillAny(m protoreflect.Message) int {
	content := redact.Unpack(m)
	if content == nil {
		return 0
	}
	n := fill(content)
	b, err := proto.Marshal(content.Interface())
	if err != nil {
		panic(err) // it came from such bytes
	}
	m.Set(m.Descriptor().Fields().ByName("value"), protoreflect.ValueOfBytes(b))
	return n
}

// maxDepth limits messages that can contain themselves.
const maxDepth = 4

// set puts the marker into a field and everything in it.
func set(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case depth > maxDepth:
	case f.IsMap():
		mp := m.Mutable(f).Map()
		v := mp.NewValue()
		if f.MapValue().Message() != nil {
			all(v.Message(), depth)
		} else if f.MapValue().Kind() == protoreflect.StringKind {
			v = protoreflect.ValueOfString(Marker)
		}
		if f.MapKey().Kind() == protoreflect.StringKind {
			mp.Set(protoreflect.ValueOfString(Marker).MapKey(), v)
		}
	case f.IsList() && f.Message() != nil:
		all(m.Mutable(f).List().AppendMutable().Message(), depth)
	case f.IsList():
		m.Mutable(f).List().Append(scalar(f))
	case f.Message() != nil:
		all(m.Mutable(f).Message(), depth)
	default:
		m.Set(f, scalar(f))
	}
}

// all fills all fields of a message.
func all(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		set(m, fields.Get(i), depth+1)
	}
}

func scalar(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(Marker)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(Marker))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(number)
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(number)
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(number)
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(number)
	default:
		return f.Default()
	}
}
