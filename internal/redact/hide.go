package redact

import "google.golang.org/protobuf/reflect/protoreflect"

// hide removes all content of a message but keeps its structure.
func hide(m protoreflect.Message) {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Any":
		url, _ := parts(m)
		m.Clear(url) // the type of a secret is secret, too
		hideAny(m)
		return
	case "google.protobuf.Value": // has no empty form in JSON
		m.Set(m.Descriptor().Fields().ByName("string_value"), protoreflect.ValueOfString(Text))
		return
	case "google.protobuf.FieldMask": // its strings must have a certain form
		m.Clear(m.Descriptor().Fields().ByName("paths"))
		return
	}
	m.SetUnknown(nil)
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		hideField(m, f, v)
		return true
	})
}

func hideField(m protoreflect.Message, f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case f.IsMap():
		m.Set(f, hiddenMap(m, f))
	case f.IsList() && f.Message() != nil, f.Message() != nil:
		EachMessage(f, v, hide)
	case f.IsList():
		for i := range v.List().Len() {
			v.List().Set(i, hidden(f))
		}
	case f.Kind() == protoreflect.StringKind || f.Kind() == protoreflect.BytesKind:
		m.Set(f, hidden(f))
	default:
		m.Clear(f)
	}
}

// hiddenMap returns a map with one entry: keys can be as secret as values.
func hiddenMap(m protoreflect.Message, f protoreflect.FieldDescriptor) protoreflect.Value {
	out := m.NewField(f)
	value := out.Map().NewValue()
	if f.MapValue().Message() != nil {
		hide(value.Message())
	} else {
		value = hidden(f.MapValue())
	}
	out.Map().Set(hidden(f.MapKey()).MapKey(), value)
	return out
}

// hidden returns the replacement for a scalar.
func hidden(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(Text)
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(Text))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(f.Enum().Values().Get(0).Number())
	default:
		return f.Default()
	}
}
