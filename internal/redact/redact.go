// Package redact removes secrets from Envoy's messages before they are printed or stored.
//
// Secrets are all fields that Envoy's API annotates with udpa.annotations.sensitive, and everything
// that cannot be read: an Any of an unknown type or with content that is not of its type, and
// fields unknown to the API version of this program. It must not know any field by its name.
package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/cncf/xds/go/udpa/annotations"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/envoyapi"
)

// Text replaces secrets.
const Text = "[redacted]"

// maxDepth is the maximum nesting of messages. Deeper content is hidden: messages that contain an
// Any at each level take time quadratic in their depth.
const maxDepth = 100

// Message returns a copy without secrets. Strings and bytes of a sensitive field, and of messages
// in it, become [Text]; numbers become zero, and the keys of maps are replaced by a single one.
func Message[T proto.Message](m T) T {
	out := proto.Clone(m)
	if r := out.ProtoReflect(); r.IsValid() {
		walk(r, 0)
	}
	return out.(T)
}

// JSON returns a message without secrets in protobuf's JSON form, with field names as Envoy prints
// them. The same message results in the same bytes.
func JSON(m proto.Message) ([]byte, error) { return marshal(m, true) }

// CamelJSON is [JSON] with field names in camel case.
func CamelJSON(m proto.Message) ([]byte, error) { return marshal(m, false) }

func marshal(m proto.Message, protoNames bool) ([]byte, error) {
	b, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}, UseProtoNames: protoNames, AllowPartial: true}.Marshal(Message(m))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson varies its whitespace on purpose
	err = json.Compact(&out, b)
	return out.Bytes(), err
}

// IsSensitive reports whether Envoy's API annotates a field as secret.
func IsSensitive(f protoreflect.FieldDescriptor) bool {
	sensitive, _ := proto.GetExtension(f.Options(), annotations.E_Sensitive).(bool)
	return sensitive
}

// walk redacts a message in place and reports whether there was anything to remove.
func walk(m protoreflect.Message, depth int) (redacted bool) {
	switch {
	case depth > maxDepth:
		hide(m)
		return true
	case m.Descriptor().FullName() == "google.protobuf.Any":
		return redactAny(m, depth)
	case isTypedStruct(m):
		return redactTypedStruct(m, depth)
	}
	if len(m.GetUnknown()) > 0 {
		m.SetUnknown(nil)
		redacted = true
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if IsSensitive(f) {
			hideField(m, f, v)
			redacted = true
		} else {
			EachMessage(f, v, func(inner protoreflect.Message) { redacted = walk(inner, depth+1) || redacted })
		}
		return true
	})
	return redacted
}

// EachMessage calls a function for the messages of a field: the single one, or those of a list or map.
func EachMessage(f protoreflect.FieldDescriptor, v protoreflect.Value, do func(protoreflect.Message)) {
	switch {
	case f.IsMap() && f.MapValue().Message() != nil:
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { do(v.Message()); return true })
	case f.IsMap() || f.Message() == nil:
	case f.IsList():
		for i := range v.List().Len() {
			do(v.List().Get(i).Message())
		}
	default:
		do(v.Message())
	}
}

// Unpack returns the message in an Any, nil if it cannot be read.
func Unpack(anyMessage protoreflect.Message) protoreflect.Message {
	url, value := parts(anyMessage)
	t, err := envoyapi.Types{}.FindMessageByURL(anyMessage.Get(url).String())
	if err != nil {
		return nil
	}
	m := t.New()
	if (proto.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(anyMessage.Get(value).Bytes(), m.Interface()) != nil {
		return nil
	}
	return m
}

// parts returns the fields of an Any or a TypedStruct.
func parts(m protoreflect.Message) (url, value protoreflect.FieldDescriptor) {
	fields := m.Descriptor().Fields()
	return fields.ByName("type_url"), fields.ByName("value")
}

// redactAny redacts the content of an Any and encodes it again, deterministically.
func redactAny(m protoreflect.Message, depth int) (redacted bool) {
	url, value := parts(m)
	if len(m.GetUnknown()) > 0 {
		hideAny(m)
		return true
	}
	if !m.Has(url) && !m.Has(value) {
		return false
	}
	content := Unpack(m)
	if content == nil {
		hideAny(m)
		return true
	}
	redacted = walk(content, depth+1)
	b, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(content.Interface())
	if err != nil {
		hideAny(m)
		return true
	}
	m.Set(value, protoreflect.ValueOfBytes(b))
	return redacted
}

// typeName matches printable type names of an Any.
var typeName = regexp.MustCompile(`^[A-Za-z0-9_.]{1,200}$`)

// hideAny replaces an Any by one that can be printed and keeps its type name.
func hideAny(m protoreflect.Message) {
	url, value := parts(m)
	text, name := Text, m.Get(url).String()
	if name = name[strings.LastIndexByte(name, '/')+1:]; typeName.MatchString(name) {
		text += " " + name
	}
	b, err := proto.Marshal(wrapperspb.String(text))
	if err != nil {
		b = nil // cannot happen: it is a constant and ASCII
	}
	m.Set(url, protoreflect.ValueOfString("type.googleapis.com/google.protobuf.StringValue"))
	m.Set(value, protoreflect.ValueOfBytes(b))
	m.SetUnknown(nil)
}

func isTypedStruct(m protoreflect.Message) bool {
	return isTypedStructName(m.Descriptor().FullName())
}

func isTypedStructName(name protoreflect.FullName) bool {
	return name == "xds.type.v3.TypedStruct" || name == "udpa.type.v1.TypedStruct"
}

// redactTypedStruct redacts a message that is written as a Struct, using its real type.
func redactTypedStruct(m protoreflect.Message, depth int) (redacted bool) {
	if len(m.GetUnknown()) > 0 {
		m.SetUnknown(nil)
		redacted = true
	}
	url, value := parts(m)
	if !m.Has(value) {
		return redacted
	}
	content := unpackStruct(m, url, value)
	if content == nil {
		hideField(m, value, m.Get(value))
		return true
	}
	if !walk(content, depth+1) {
		return redacted
	}
	out := m.NewField(value)
	text, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}, UseProtoNames: true}.Marshal(content.Interface())
	if err != nil || protojson.Unmarshal(text, out.Message().Interface()) != nil {
		hideField(m, value, m.Get(value))
		return true
	}
	m.Set(value, out)
	return true
}

// unpackStruct returns the message that is written as a Struct, nil if it cannot be read.
func unpackStruct(m protoreflect.Message, url, value protoreflect.FieldDescriptor) protoreflect.Message {
	text, err := protojson.Marshal(m.Get(value).Message().Interface())
	if err != nil {
		return nil
	}
	t, err := envoyapi.Types{}.FindMessageByURL(m.Get(url).String())
	if err != nil {
		return nil
	}
	content := t.New()
	if (protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(text, content.Interface()) != nil {
		return nil
	}
	return content
}
