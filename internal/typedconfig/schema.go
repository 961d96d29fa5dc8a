package typedconfig

import (
	"maps"
	"slices"
	"strings"

	"github.com/envoyproxy/go-control-plane/envoy/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxFaults limits the number of faults found in a message.
const maxFaults = 10

// schema compares JSON with the descriptors of messages.
type schema struct{ errs field.ErrorList }

const anyName = "google.protobuf.Any"

// object checks the members of an object that stands for a message.
func (s *schema) object(of protoreflect.MessageDescriptor, members map[string]any, at *field.Path, depth int) field.ErrorList {
	if depth > maxDepth {
		s.errs = append(s.errs, tooDeep(at))
		return s.errs
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if key == typeKey && depth == 0 {
			continue
		}
		if len(s.errs) >= maxFaults {
			break
		}
		s.member(of, key, members[key], at, depth)
	}
	return s.errs
}

func (s *schema) member(of protoreflect.MessageDescriptor, key string, value any, at *field.Path, depth int) {
	fd, fault := FieldOf(of, key)
	if fd == nil {
		s.add(field.Invalid(at, shortened(key), fault))
		return
	}
	at = at.Child(key)
	if fault != "" {
		s.add(field.Forbidden(at, fault))
		return
	}
	s.content(fd, key, value, at, depth)
}

// content checks the value of a field under a key in JSON.
func (s *schema) content(fd protoreflect.FieldDescriptor, key string, value any, at *field.Path, depth int) {
	of := fd.ContainingMessage()
	switch {
	case value == nil:
	case fd.IsMap():
		s.entries(of, fd, key, value, at, depth)
	case fd.IsList():
		s.elements(of, fd, key, value, at, depth)
	default:
		s.value(of, fd, key, value, at, depth)
	}
}

func (s *schema) elements(of protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, key string, value any, at *field.Path, depth int) {
	list, ok := value.([]any)
	if !ok {
		s.add(field.Invalid(at, field.OmitValueType{}, "must be a list"))
		return
	}
	for i, v := range list {
		if len(s.errs) >= maxFaults {
			return
		}
		if !s.nested(fd.Message(), v, at.Index(i), depth) {
			s.leaf(of, key, []any{v}, at.Index(i))
		}
	}
}

func (s *schema) entries(of protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, key string, value any, at *field.Path, depth int) {
	members, ok := value.(map[string]any)
	if !ok {
		s.add(field.Invalid(at, field.OmitValueType{}, "must be an object"))
		return
	}
	for _, k := range slices.Sorted(maps.Keys(members)) {
		if len(s.errs) >= maxFaults {
			return
		}
		if !s.nested(fd.MapValue().Message(), members[k], at.Key(shortened(k)), depth) {
			s.leaf(of, key, map[string]any{k: members[k]}, at.Key(shortened(k)))
		}
	}
}

func (s *schema) value(of protoreflect.MessageDescriptor, fd protoreflect.FieldDescriptor, key string, value any, at *field.Path, depth int) {
	if !s.nested(fd.Message(), value, at, depth) {
		s.leaf(of, key, value, at)
	}
}

// nested checks the JSON object of a message. It returns false for all other values: scalars, and
// messages with a special JSON form.
func (s *schema) nested(of protoreflect.MessageDescriptor, value any, at *field.Path, depth int) bool {
	members, ok := value.(map[string]any)
	switch {
	case of == nil || !ok:
		return false
	case of.FullName() == anyName:
		t, err := messageType(members, at)
		if err != nil {
			s.add(err)
			return true
		}
		if isWellKnown(t.Descriptor()) {
			return true // in the member "value", which is read with the whole
		}
		rest := maps.Clone(members)
		delete(rest, typeKey)
		s.object(t.Descriptor(), rest, at, depth+1)
		return true
	case isWellKnown(of):
		return false
	}
	s.object(of, members, at, depth+1)
	return true
}

// leaf reads a single member, to find out whether the fault is there.
func (s *schema) leaf(of protoreflect.MessageDescriptor, key string, value any, at *field.Path) {
	err := unmarshal(map[string]any{key: value}, dynamicpb.NewMessage(of))
	if err == nil {
		return
	}
	text := err.Error()
	if fd := of.Fields().ByTextName(key); fd != nil && fd.Enum() != nil {
		text += "; the values are " + valuesOf(fd.Enum())
	}
	s.add(field.Invalid(at, field.OmitValueType{}, text))
}

func valuesOf(of protoreflect.EnumDescriptor) string {
	var names []string
	for i := range of.Values().Len() {
		names = append(names, string(of.Values().Get(i).Name()))
	}
	return shortened(strings.Join(names, ", "))
}

func (s *schema) add(err *field.Error) { s.errs = append(s.errs, err) }

// isWellKnown reports whether the message has a special JSON form.
func isWellKnown(of protoreflect.MessageDescriptor) bool {
	return of.FullName().Parent() == "google.protobuf" && of.FullName() != "google.protobuf.Empty"
}

// prohibited reports whether Envoy rejects a field that is deprecated.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/operations/runtime#using-runtime-overrides-for-deprecated-features
func prohibited(fd protoreflect.FieldDescriptor) bool {
	prohibited, _ := proto.GetExtension(fd.Options(), annotations.E_DisallowedByDefault).(bool)
	return prohibited
}

func namesOf(of protoreflect.MessageDescriptor) (names []string) {
	for i := range of.Fields().Len() {
		names = append(names, of.Fields().Get(i).TextName())
	}
	return names
}
