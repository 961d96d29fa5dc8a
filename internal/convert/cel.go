package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// expression returns the value of a field as a CEL expression; ok is false if CEL cannot express it.
func expression(fd protoreflect.FieldDescriptor, v protoreflect.Value) (string, bool) {
	switch {
	case fd.IsList():
		var parts []string
		for i := range v.List().Len() {
			text, ok := single(fd, v.List().Get(i))
			if !ok {
				return "", false
			}
			parts = append(parts, text)
		}
		return "[" + strings.Join(parts, ", ") + "]", true
	case fd.IsMap():
		return mapExpression(fd, v)
	}
	return single(fd, v)
}

func mapExpression(fd protoreflect.FieldDescriptor, v protoreflect.Value) (string, bool) {
	var parts []string
	all := true
	v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		text, ok := single(fd.MapValue(), v)
		all = all && ok && fd.MapKey().Kind() == protoreflect.StringKind
		parts = append(parts, strconv.Quote(k.String())+": "+text)
		return all
	})
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}", all
}

func single(fd protoreflect.FieldDescriptor, v protoreflect.Value) (string, bool) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return quoteCEL(v.String()), true
	case protoreflect.BoolKind:
		return strconv.FormatBool(v.Bool()), true
	case protoreflect.EnumKind:
		return strconv.Itoa(int(v.Enum())), true
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return strconv.FormatUint(v.Uint(), 10) + "u", true
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		text := strconv.FormatFloat(v.Float(), 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text, true
	case protoreflect.MessageKind:
		return messageExpression(v.Message())
	case protoreflect.BytesKind, protoreflect.GroupKind:
		return "", false
	}
	return strconv.FormatInt(v.Int(), 10), true
}

// messageExpression returns a CEL expression that constructs a message; ok is false if an Any is inside.
func messageExpression(m protoreflect.Message) (string, bool) {
	of := m.Descriptor()
	switch name := of.FullName(); {
	case name == "google.protobuf.Duration":
		text, err := protojson.Marshal(m.Interface())
		return "duration(" + strings.Replace(string(text), `"`, "'", 2) + ")", err == nil
	case name.Parent() == "google.protobuf" && of.Fields().Len() == 1 && of.Fields().ByName("value") != nil && name != anyName:
		fd := of.Fields().ByName("value")
		return single(fd, m.Get(fd))
	case name.Parent() == "google.protobuf":
		return "", false
	}
	var parts []string
	all := true
	for i := range of.Fields().Len() {
		fd := of.Fields().Get(i)
		if !m.Has(fd) {
			continue
		}
		text, ok := expression(fd, m.Get(fd))
		all = all && ok
		parts = append(parts, fmt.Sprintf("%s: %s", fd.TextName(), text))
	}
	return string(of.FullName()) + "{" + strings.Join(parts, ", ") + "}", all
}

// quoteCEL returns a CEL string literal. CEL has the escapes of Go with some exceptions.
func quoteCEL(text string) string {
	out := strconv.QuoteToGraphic(text)
	if !strings.ContainsAny(text, `'\`) && !strings.Contains(out, `\`) {
		return "'" + text + "'"
	}
	return out
}
