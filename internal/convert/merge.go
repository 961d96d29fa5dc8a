package convert

import (
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// merges returns patches that merge a value. Lists need patches of their own, because merge cannot
// change lists.
func merges(at *cursor, path string, fd protoreflect.FieldDescriptor, value any) []v1alpha1.XDSPatch {
	s := &splitter{}
	rest, whole := value, true
	switch members, ok := value.(map[string]any); {
	case !ok:
	case fd.IsMap() && !at.isEntry:
		rest, whole = s.entries(fd, members, path)
	default:
		of := fd.Message()
		if fd.IsMap() {
			of = fd.MapValue().Message()
		}
		rest, whole = s.object(of, members, path)
	}
	var out []v1alpha1.XDSPatch
	if whole {
		out = append(out, v1alpha1.XDSPatch{Merge: &v1alpha1.XDSObject{XDSValue: v1alpha1.XDSValue{Raw: raw(merged(untyped(at.nest), rest))}}})
	}
	return append(out, s.lists...)
}

// untyped removes the type of the last message: the value has it.
func untyped(nest []nested) []nested {
	out := slices.Clone(nest)
	if len(out) > 0 {
		out[len(out)-1].typeURL = ""
	}
	return out
}

// splitter removes lists from objects.
type splitter struct{ lists []v1alpha1.XDSPatch }

// object returns an object without its lists; ok is false if it had nothing else.
func (s *splitter) object(of protoreflect.MessageDescriptor, members map[string]any, path string) (any, bool) {
	if of == nil || typedconfig.IsWellKnown(of) && of.FullName() != anyName {
		return members, true
	}
	out := map[string]any{}
	if of.FullName() == anyName {
		t, err := typedconfig.MessageType(members, nil)
		if err != nil || typedconfig.IsWellKnown(t.Descriptor()) {
			return members, true
		}
		of = t.Descriptor()
		path += "[@type=" + string(of.FullName()) + "]"
		out["@type"] = members["@type"]
	}
	kept := len(members) == len(out)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if _, done := out[name]; done {
			continue
		}
		fd, fault := typedconfig.FieldOf(of, name)
		if fault != "" {
			out[name], kept = members[name], true // validation reports it
			continue
		}
		if v, ok := s.member(fd, members[name], path+"."+fd.TextName()); ok {
			out[name], kept = v, true
		}
	}
	return out, kept
}

func (s *splitter) member(fd protoreflect.FieldDescriptor, v any, path string) (any, bool) {
	members, isObject := v.(map[string]any)
	switch {
	case v == nil:
		return nil, false
	case fd.IsList():
		if elements, ok := v.([]any); ok {
			s.lists = append(s.lists, listPatch(path, elements)...)
		}
		return nil, false
	case fd.IsMap() && isObject:
		return s.entries(fd, members, path)
	case fd.Message() != nil && isObject:
		return s.object(fd.Message(), members, path)
	}
	return v, true
}

func (s *splitter) entries(fd protoreflect.FieldDescriptor, members map[string]any, path string) (any, bool) {
	out := map[string]any{}
	kept := false
	for _, name := range slices.Sorted(maps.Keys(members)) {
		inner, isObject := members[name].(map[string]any)
		if !isObject {
			out[name], kept = members[name], true
			continue
		}
		if v, ok := s.object(fd.MapValue().Message(), inner, path+"["+strconv.Quote(name)+"]"); ok {
			out[name], kept = v, true
		}
	}
	return out, kept
}

// listPatch returns the patch for a list that does not exist yet.
func listPatch(path string, elements []any) []v1alpha1.XDSPatch {
	if len(elements) == 0 {
		return nil
	}
	return []v1alpha1.XDSPatch{{List: &v1alpha1.XDSList{Path: path, Append: values(elements)}}}
}

func values(elements []any) (out []v1alpha1.XDSValue) {
	for _, e := range elements {
		out = append(out, v1alpha1.XDSValue{Raw: raw(e)})
	}
	return out
}
