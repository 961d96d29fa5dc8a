package mutatortest

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/pkg/mutator"
)

// difference returns the first field in which two encoded resources differ.
func difference(k mutator.Kind, want, got []byte) string {
	w, errWant := callfile.Decode(k, want)
	g, errGot := callfile.Decode(k, got)
	if errWant != nil || errGot != nil {
		return " differs"
	}
	if path, differs := firstField(w.ProtoReflect(), g.ProtoReflect()); differs {
		return path + " differs"
	}
	return " has the same known fields in different bytes: create Anys with xds.Any, which is deterministic"
}

// firstField returns the path of the first field in which messages of one type differ, in
// protobuf's JSON form. It compares the contents of Anys.
func firstField(a, b protoreflect.Message) (path string, differs bool) {
	if x, y, ok := contents(a, b); ok {
		return firstField(x, y)
	}
	for i := range a.Descriptor().Fields().Len() {
		f := a.Descriptor().Fields().Get(i)
		name := "." + f.JSONName()
		if a.Has(f) != b.Has(f) {
			return name, true
		}
		if !a.Has(f) {
			continue
		}
		if path, differs := firstIn(f, a.Get(f), b.Get(f)); differs {
			return name + path, true
		}
	}
	return "", false
}

// contents returns the messages inside two Anys of the same type.
func contents(a, b protoreflect.Message) (x, y protoreflect.Message, ok bool) {
	l, isAny := a.Interface().(*anypb.Any)
	r, _ := b.Interface().(*anypb.Any)
	if !isAny || l.GetTypeUrl() != r.GetTypeUrl() {
		return nil, nil, false
	}
	left, err := l.UnmarshalNew()
	if err != nil {
		return nil, nil, false
	}
	right, err := r.UnmarshalNew()
	if err != nil {
		return nil, nil, false
	}
	return left.ProtoReflect(), right.ProtoReflect(), true
}

// firstIn compares the values of a field.
func firstIn(f protoreflect.FieldDescriptor, a, b protoreflect.Value) (path string, differs bool) {
	switch {
	case f.IsMap():
		var keys []protoreflect.MapKey
		a.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
			keys = append(keys, k)
			return true
		})
		slices.SortFunc(keys, func(x, y protoreflect.MapKey) int { return slices.Compare([]byte(x.String()), []byte(y.String())) })
		for _, k := range keys {
			if !b.Map().Has(k) {
				return "." + k.String(), true
			}
			if path, differs := firstOf(f.MapValue(), a.Map().Get(k), b.Map().Get(k)); differs {
				return "." + k.String() + path, true
			}
		}
		return "", a.Map().Len() != b.Map().Len()
	case f.IsList():
		for i := range min(a.List().Len(), b.List().Len()) {
			if path, differs := firstOf(f, a.List().Get(i), b.List().Get(i)); differs {
				return fmt.Sprintf("[%d]%s", i, path), true
			}
		}
		return "", a.List().Len() != b.List().Len()
	default:
		return firstOf(f, a, b)
	}
}

// firstOf compares single values.
func firstOf(f protoreflect.FieldDescriptor, a, b protoreflect.Value) (path string, differs bool) {
	if f.Message() == nil {
		return "", !a.Equal(b)
	}
	return firstField(a.Message(), b.Message())
}
