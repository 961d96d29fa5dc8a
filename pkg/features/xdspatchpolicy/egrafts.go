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

// egraftsPrefix begins the names of what egraft puts into lists and maps: its HTTP filters, what they do
// for a route, and its metadata.
const egraftsPrefix = "egraft."

// keepsEgrafts is an error if patches changed what egraft made, whatever they were granted: what protects
// must not be patched away. Lists with an element of egraft's keep the names of all their elements, because
// their order matters.
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
			return fmt.Errorf("%s cannot be patched, because egraft made it", append(was, is...)[min(i, len(was))].name)
		}
	}
	return nil
}

// only is a message with some of its fields, which it shares.
func only(m proto.Message, fields []protoreflect.FieldDescriptor) proto.Message {
	from, to := m.ProtoReflect(), m.ProtoReflect().New()
	for _, fd := range fields {
		if from.Has(fd) {
			to.Set(fd, from.Get(fd))
		}
	}
	return to.Interface()
}

// piece is an element of a list or map that egraft made, or the names of a list that has one.
type piece struct{ name, content string }

// egrafts are the pieces of a message, in its order.
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

// namesOf are the names of the elements of a list with one of egraft's, and none for others.
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

// nameIn is the name that a message has inside, and empty for all else.
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
