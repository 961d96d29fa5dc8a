package typedconfig

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// FieldOf returns the field of a message by one of its two names, such as connect_timeout and
// connectTimeout. fault is why the field cannot be set, "" if it can; fd is nil if there is no such field.
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

// IsWellKnown reports whether a message has a special JSON form, as durations do.
func IsWellKnown(of protoreflect.MessageDescriptor) bool { return isWellKnown(of) }

// IsProhibited reports whether Envoy rejects a field because it is deprecated.
func IsProhibited(fd protoreflect.FieldDescriptor) bool { return prohibited(fd) }

// Shortened shortens user input that is quoted in errors.
func Shortened(text string) string { return shortened(text) }

// ReadField reads the JSON value of one field, as decoded by encoding/json, and checks it: names,
// types, and the rules of the field and of messages in it. The errors name fields below at. The
// value has dynamic messages.
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
