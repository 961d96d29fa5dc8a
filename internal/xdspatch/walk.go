package xdspatch

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/typedconfig"
)

// walk calls do for each message that contains the last step of a path. With create, it makes
// missing messages on the path; otherwise it skips them.
func walk(m protoreflect.Message, p Path, create bool, do func(protoreflect.Message, step) error) error {
	if len(p) == 1 {
		return do(m, p[0])
	}
	s := p[0]
	return s.each(m, create, func(inner protoreflect.Message) error {
		if s.as != nil {
			return s.unpacked(inner, create, func(content protoreflect.Message) error { return walk(content, p[1:], create, do) })
		}
		return walk(inner, p[1:], create, do)
	})
}

// each calls do for the messages of a field: the single one, the elements with the key, or the entry with it.
func (s step) each(m protoreflect.Message, create bool, do func(protoreflect.Message) error) error {
	switch {
	case s.fd.IsList():
		return s.elements(m, create, do)
	case s.fd.IsMap():
		if !create && !(m.Has(s.fd) && m.Get(s.fd).Map().Has(s.key.value.MapKey())) {
			return nil
		}
		return do(m.Mutable(s.fd).Map().Mutable(s.key.value.MapKey()).Message())
	case !create && !m.Has(s.fd):
		return nil
	}
	if other := s.inPlace(m); other != nil {
		return fmt.Errorf("%s is not set but %s is, and a message can only have one of them: use has(…) in when", s.fd.TextName(), other.TextName())
	}
	return do(m.Mutable(s.fd).Message())
}

// inPlace returns the member of the step's oneof that the message has instead of the step's field.
func (s step) inPlace(m protoreflect.Message) protoreflect.FieldDescriptor {
	if of := s.fd.ContainingOneof(); of != nil && !m.Has(s.fd) {
		return m.WhichOneof(of)
	}
	return nil
}

func (s step) elements(m protoreflect.Message, create bool, do func(protoreflect.Message) error) error {
	found := false
	if m.Has(s.fd) {
		list := m.Mutable(s.fd).List()
		for i := range list.Len() {
			if !s.key.selects(list.Get(i)) {
				continue
			}
			found = true
			if err := do(list.Get(i).Message()); err != nil {
				return err
			}
		}
	}
	if !found && create {
		return fmt.Errorf("%s has no element %s", s.fd.TextName(), typedconfig.Shortened(s.key.String()))
	}
	return nil
}

// selects reports whether an element has the key.
func (k *key) selects(v protoreflect.Value) bool {
	for _, fd := range k.fields {
		m := v.Message()
		if fd.HasPresence() && !m.Has(fd) {
			return false
		}
		v = m.Get(fd)
	}
	if m, ok := v.Interface().(protoreflect.Message); ok { // a wrapper
		v = m.Get(m.Descriptor().Fields().ByName("value"))
	}
	return v.Equal(k.value)
}

// unpacked calls do for the message in an Any, and packs it again.
func (s step) unpacked(anyMessage protoreflect.Message, create bool, do func(protoreflect.Message) error) error {
	fields := anyMessage.Descriptor().Fields()
	url, value := fields.ByName("type_url"), fields.ByName("value")
	want := typedconfig.URLPrefix + string(s.as.Descriptor().FullName())
	switch has := anyMessage.Get(url).String(); {
	case has == "" && !create:
		return nil
	case has != "" && has != want:
		return fmt.Errorf("%s has type %s, not %s", s.fd.TextName(), typedconfig.Shortened(has), s.as.Descriptor().FullName())
	}
	content, before := s.as.New(), anyMessage.Get(value).Bytes()
	if err := (proto.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(before, content.Interface()); err != nil {
		return fmt.Errorf("%s cannot be read: %w", s.fd.TextName(), err)
	}
	if err := do(content); err != nil {
		return err
	}
	after, err := proto.MarshalOptions{Deterministic: true}.Marshal(content.Interface())
	if err != nil {
		return fmt.Errorf("%s cannot be encoded: %w", s.fd.TextName(), err)
	}
	anyMessage.Set(url, protoreflect.ValueOfString(want))
	if !bytes.Equal(before, after) {
		anyMessage.Set(value, protoreflect.ValueOfBytes(after))
	}
	return nil
}

// clear removes the field or elements at the end of a path.
func clear(m protoreflect.Message, s step) error {
	switch {
	case !m.Has(s.fd):
	case s.key == nil:
		m.Clear(s.fd)
	case s.fd.IsMap():
		m.Mutable(s.fd).Map().Clear(s.key.value.MapKey())
	default:
		list, kept := m.Mutable(s.fd).List(), 0
		for i := range list.Len() {
			if v := list.Get(i); !s.key.selects(v) {
				list.Set(kept, v)
				kept++
			}
		}
		list.Truncate(kept)
	}
	return nil
}
