package typedconfig

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// FieldOf returns the field of a message by one of its two names, as connect_timeout and as
// connectTimeout. Without a fault the field can be set; it is nil if the message has none of the name.
func FieldOf(of protoreflect.MessageDescriptor, name string) (fd protoreflect.FieldDescriptor, fault string) {
	fd = of.Fields().ByJSONName(name)
	if fd == nil {
		fd = of.Fields().ByTextName(name)
	}
	switch {
	case fd == nil:
		return nil, fmt.Sprintf("is not a field of %s%s", of.Name(), DidYouMean(name, namesOf(of)))
	case prohibited(fd):
		return fd, "is deprecated, and Envoy rejects it"
	}
	return fd, ""
}

// MessageType resolves the @type of an object of JSON.
func MessageType(members map[string]any, at *field.Path) (protoreflect.MessageType, *field.Error) {
	return messageType(members, at)
}

// IsWellKnown reports whether JSON has a message in a form of its own, as it has durations.
func IsWellKnown(of protoreflect.MessageDescriptor) bool { return isWellKnown(of) }

// IsProhibited reports whether Envoy rejects a field, which is deprecated.
func IsProhibited(fd protoreflect.FieldDescriptor) bool { return prohibited(fd) }

// Shortened is a text of users as errors quote it.
func Shortened(text string) string { return shortened(text) }

// ReadField reads what JSON has for one field, of a form that encoding/json decodes to, and checks it:
// names, types, and the rules of the field and of messages in it. The errors name what is below at.
// The value is of dynamic messages.
func ReadField(fd protoreflect.FieldDescriptor, value any, at *field.Path) (protoreflect.Value, field.ErrorList) {
	s, key := &schema{}, fd.TextName()
	s.content(fd, key, value, at, 0)
	if len(s.errs) > 0 {
		return protoreflect.Value{}, s.errs
	}
	m := dynamicpb.NewMessage(fd.ContainingMessage())
	if err := unmarshal(map[string]any{key: value}, m); err != nil {
		return protoreflect.Value{}, field.ErrorList{field.Invalid(at, field.OmitValueType{}, err.Error())}
	}
	if errs := contentRules(m, fd, at); len(errs) > 0 {
		return protoreflect.Value{}, errs
	}
	return m.Get(fd), nil
}
