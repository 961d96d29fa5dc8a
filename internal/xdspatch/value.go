package xdspatch

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/typedconfig"
)

// value is a value that a patch writes into a field. It belongs to no message, and can be written
// to messages with Go code and to dynamic ones.
type value struct {
	scalar protoreflect.Value
	// message is an encoded message, if isMessage is true.
	message   []byte
	isMessage bool
	// list has the elements of a list, and entries those of a map.
	list    []value
	entries []entry
}

type entry struct {
	key   protoreflect.MapKey
	value value
}

// valueOf converts the value of a field.
func valueOf(fd protoreflect.FieldDescriptor, v protoreflect.Value) (out value, err error) {
	switch {
	case fd.IsList():
		for i := range v.List().Len() {
			element, err := single(v.List().Get(i))
			if err != nil {
				return value{}, err
			}
			out.list = append(out.list, element)
		}
		return out, nil
	case fd.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			var e value
			e, err = single(v)
			out.entries = append(out.entries, entry{k, e})
			return err == nil
		})
		return out, err
	}
	return single(v)
}

// single converts a scalar or a message.
func single(v protoreflect.Value) (value, error) {
	m, ok := v.Interface().(protoreflect.Message)
	if !ok {
		return value{scalar: v}, nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
	return value{message: b, isMessage: true}, err
}

// put sets a field, or the entry of a map with the key of the step.
func (v value) put(m protoreflect.Message, s step) error {
	switch {
	case s.fd.IsMap() && s.key != nil:
		entries := m.Mutable(s.fd).Map()
		e, err := v.element(entries.NewValue())
		if err == nil {
			entries.Set(s.key.value.MapKey(), e)
		}
		return err
	case s.fd.IsMap():
		m.Clear(s.fd)
		for _, e := range v.entries {
			if err := e.value.put(m, step{fd: s.fd, key: &key{value: e.key.Value()}}); err != nil {
				return err
			}
		}
		return nil
	case s.fd.IsList():
		m.Clear(s.fd)
		return v.appendTo(m, s.fd, false)
	case v.isMessage:
		e, err := v.element(m.NewField(s.fd))
		if err == nil {
			m.Set(s.fd, e)
		}
		return err
	}
	m.Set(s.fd, v.scalar)
	return nil
}

// element returns a single value in the form that the message needs.
func (v value) element(empty protoreflect.Value) (protoreflect.Value, error) {
	if !v.isMessage {
		return v.scalar, nil
	}
	err := (proto.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(v.message, empty.Message().Interface())
	return empty, err
}

// appendTo appends elements to a list; with missing, only those that it does not contain.
func (v value) appendTo(m protoreflect.Message, fd protoreflect.FieldDescriptor, missing bool) error {
	if len(v.list) == 0 {
		return nil
	}
	list := m.Mutable(fd).List()
	for _, e := range v.list {
		out, err := e.element(list.NewElement())
		if err != nil {
			return err
		}
		if !missing || !has(list, out) {
			list.Append(out)
		}
	}
	return nil
}

func has(list protoreflect.List, v protoreflect.Value) bool {
	for i := range list.Len() {
		if list.Get(i).Equal(v) {
			return true
		}
	}
	return false
}

// replace replaces the elements that the key of a step selects.
func (v value) replace(m protoreflect.Message, s step) error {
	found := false
	if m.Has(s.fd) {
		list := m.Mutable(s.fd).List()
		for i := range list.Len() {
			if !s.key.selects(list.Get(i)) {
				continue
			}
			e, err := v.element(list.NewElement())
			if err != nil {
				return err
			}
			list.Set(i, e)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s has no element %s", s.fd.TextName(), typedconfig.Shortened(s.key.String()))
	}
	return nil
}
