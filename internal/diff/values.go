package diff

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/redact"
)

// note records the first error.
func (c *comparer) note(err error) {
	if c.err == nil {
		c.err = err
	}
}

// json returns a message as JSON without secrets.
func (c *comparer) json(m protoreflect.Message) json.RawMessage {
	b, err := redact.JSON(m.Interface())
	c.note(err)
	return b
}

// fieldJSON returns a field as JSON without secrets. The containing message determines whether the
// field is secret.
func (c *comparer) fieldJSON(m protoreflect.Message, f protoreflect.FieldDescriptor) json.RawMessage {
	only := m.New()
	only.Set(f, m.Get(f))
	members := map[string]json.RawMessage{}
	c.note(json.Unmarshal(c.json(only), &members))
	value, ok := members[f.TextName()]
	if !ok { // a secret number
		return secret()
	}
	return value
}

// elementJSON returns an element of a list or map as JSON without secrets.
func (c *comparer) elementJSON(e element) json.RawMessage {
	value := e.field
	if e.field.IsMap() {
		value = e.field.MapValue()
	}
	if value.Message() != nil {
		return c.json(e.value.Message())
	}
	only := e.in.New()
	if e.field.IsMap() {
		only.Mutable(e.field).Map().Set(e.key, e.value)
		members := map[string]json.RawMessage{}
		c.note(json.Unmarshal(c.fieldJSON(only, e.field), &members))
		return members[e.key.String()]
	}
	only.Mutable(e.field).List().Append(e.value)
	list := []json.RawMessage{}
	c.note(json.Unmarshal(c.fieldJSON(only, e.field), &list))
	if len(list) != 1 {
		c.note(fmt.Errorf("print %s: it has %d elements", e.field.FullName(), len(list)))
		return nil
	}
	return list[0]
}

// leaves counts the set fields in a message.
func leaves(m protoreflect.Message) int {
	if m.Descriptor().FullName() == "google.protobuf.Any" {
		content := redact.Unpack(m)
		if content == nil {
			return 1
		}
		m = content
	}
	if isLeaf(m) && !isOpen(m) {
		return 1
	}
	n := 0
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case redact.IsSensitive(f):
			n++
		case f.IsMap() && f.MapValue().Message() == nil:
			n += v.Map().Len()
		case f.IsList() && f.Message() == nil:
			n += v.List().Len()
		case f.Message() == nil:
			n++
		default:
			redact.EachMessage(f, v, func(inner protoreflect.Message) { n += max(1, leaves(inner)) })
		}
		return true
	})
	return n
}
