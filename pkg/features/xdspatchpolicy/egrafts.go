package xdspatchpolicy

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/xdspatch"
)

// egraftsPrefix begins the names of what egraft adds to lists and maps: its HTTP filters, their
// per-route configuration, and its metadata.
const egraftsPrefix = "egraft."

// keepsEgrafts returns an error if patches changed what egraft made, whatever the operator granted:
// patches must not remove protection. A list with an element of egraft must keep the names of all
// its elements, because their order matters.
func keepsEgrafts(before, after proto.Message, written []xdspatch.Path) error {
	if !slices.ContainsFunc(written, xdspatch.Path.IsBroad) {
		return nil
	}
	fields := touched(written)
	was, err := egrafts(only(before, fields))
	if err != nil {
		return err
	}
	is, err := egrafts(only(after, fields))
	if err != nil {
		return err
	}
	for i := range max(len(was), len(is)) {
		if i >= len(was) || i >= len(is) || was[i] != is[i] {
			return fmt.Errorf("%s cannot be patched, because egraft created it", append(was, is...)[min(i, len(was))].name)
		}
	}
	return nil
}

// only returns a message with some of the fields of m, sharing their values.
func only(m proto.Message, fields []protoreflect.FieldDescriptor) proto.Message {
	from, to := m.ProtoReflect(), m.ProtoReflect().New()
	for _, fd := range fields {
		if from.Has(fd) {
			to.Set(fd, from.Get(fd))
		}
	}
	return to.Interface()
}

// piece is an element of a list or map that egraft made, or the names of a list that contains one.
type piece struct{ name, content string }

// egrafts returns the pieces of a message, in its order.
func egrafts(m proto.Message) (all []piece, err error) {
	err = protorange.Options{Stable: true}.Range(m.ProtoReflect(), func(p protopath.Values) error {
		last := p.Index(-1)
		switch last.Step.Kind() {
		case protopath.MapIndexStep, protopath.ListIndexStep:
			name := nameOf(last.Step, last.Value)
			inner, isMessage := last.Value.Interface().(protoreflect.Message)
			if !isMessage || !strings.HasPrefix(name, egraftsPrefix) {
				return nil
			}
			content, err := proto.MarshalOptions{Deterministic: true}.Marshal(inner.Interface())
			all = append(all, piece{name, string(content)})
			if err != nil {
				return err
			}
			return protorange.Break
		case protopath.FieldAccessStep:
			if l, isList := last.Value.Interface().(protoreflect.List); isList {
				all = append(all, namesOf(l)...)
			}
		}
		return nil
	}, nil)
	return all, err
}

// namesOf returns the names in a list that contains an element of egraft, nil for other lists.
func namesOf(l protoreflect.List) []piece {
	var names []string
	for i := range l.Len() {
		names = append(names, nameIn(l.Get(i)))
	}
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, egraftsPrefix) }); i >= 0 {
		return []piece{{names[i], strings.Join(names, "\x00")}}
	}
	return nil
}

func nameOf(s protopath.Step, v protoreflect.Value) string {
	if s.Kind() == protopath.MapIndexStep {
		return s.MapIndex().String()
	}
	return nameIn(v)
}

// nameIn returns the value of a message's name field, empty without one.
func nameIn(v protoreflect.Value) string {
	m, isMessage := v.Interface().(protoreflect.Message)
	if !isMessage {
		return ""
	}
	if fd := m.Descriptor().Fields().ByName("name"); fd != nil && fd.Kind() == protoreflect.StringKind && !fd.IsList() {
		return m.Get(fd).String()
	}
	return ""
}
