package convert

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/internal/xdspatch"
)

const anyName = "google.protobuf.Any"

// cursor is a message on the path to the value that an operation changes.
type cursor struct {
	of protoreflect.MessageDescriptor
	// path is the path for a patch, and nest the one for a merge; nest ends at the first list,
	// because a merge cannot change elements of a list.
	path string
	nest []nested
	// isInList is true if the path contains an element of a list.
	isInList bool
	// isEntry is true for an entry of a map.
	isEntry bool
	// before and after are the message before and after the operation, nil if it does not exist.
	before, after protoreflect.Message
}

// nested is a member of an object in a merge; typeURL is the type of the object with the following members.
type nested struct{ name, typeURL string }

// into returns a cursor one step further down the path.
func (c *cursor) into(path string, n nested) *cursor {
	return &cursor{path: path, nest: append(slices.Clone(c.nest), n), isInList: c.isInList}
}

// field returns the path of a field.
func (c *cursor) field(fd protoreflect.FieldDescriptor) string {
	if c.path == "" {
		return fd.TextName()
	}
	return c.path + "." + fd.TextName()
}

// message moves into a field with a single message.
func (c *cursor) message(fd protoreflect.FieldDescriptor) *cursor {
	n := c.into(c.field(fd), nested{name: fd.TextName()})
	n.before, n.after = messageOf(c.before, fd), messageOf(c.after, fd)
	return n.unpacked(fd.Message())
}

// entry moves into an entry of a map.
func (c *cursor) entry(fd protoreflect.FieldDescriptor, key string) *cursor {
	n := c.into(c.field(fd)+"["+strconv.Quote(key)+"]", nested{name: fd.TextName()})
	n.nest, n.isEntry = append(n.nest, nested{name: key}), true
	n.before, n.after = entryOf(c.before, fd, key), entryOf(c.after, fd, key)
	return n.unpacked(fd.MapValue().Message())
}

// element moves into an element of a list, selected by its key.
func (c *cursor) element(fd protoreflect.FieldDescriptor, key string, i int) *cursor {
	n := &cursor{path: c.field(fd) + key, isInList: true}
	n.before, n.after = elementOf(c.before, fd, i), elementOf(c.after, fd, i)
	return n.unpacked(fd.Message())
}

// unpacked moves into the message packed in an Any, and stays at any other message.
func (c *cursor) unpacked(of protoreflect.MessageDescriptor) *cursor {
	c.of = of
	if of == nil || of.FullName() != anyName {
		return c
	}
	before, after := content(c.before), content(c.after)
	inner := before
	if inner == nil {
		inner = after
	}
	if inner == nil {
		return c
	}
	if before != nil && after != nil && before.Descriptor().FullName() != after.Descriptor().FullName() {
		before = nil
	}
	c.of, c.before, c.after = inner.Descriptor(), before, after
	name := string(c.of.FullName())
	c.path += "[@type=" + name + "]"
	if len(c.nest) > 0 {
		c.nest[len(c.nest)-1].typeURL = typedconfig.URLPrefix + name
	}
	return c
}

// isWhole reports whether the content of the message can only be written as a whole.
func (c *cursor) isWhole() bool {
	return c.of == nil || c.of.FullName() == anyName || typedconfig.IsWellKnown(c.of)
}

func content(m protoreflect.Message) protoreflect.Message {
	if m == nil || !m.IsValid() {
		return nil
	}
	text, err := proto.Marshal(m.Interface())
	packed := &anypb.Any{}
	if err != nil || proto.Unmarshal(text, packed) != nil || packed.GetTypeUrl() == "" {
		return nil
	}
	inner, err := xdspatch.Unpack(packed)
	if err != nil {
		return nil
	}
	return inner.ProtoReflect()
}

func messageOf(m protoreflect.Message, fd protoreflect.FieldDescriptor) protoreflect.Message {
	if m == nil || fd.Message() == nil || !m.Has(fd) {
		return nil
	}
	return m.Get(fd).Message()
}

func entryOf(m protoreflect.Message, fd protoreflect.FieldDescriptor, key string) protoreflect.Message {
	v, ok := entryValue(m, fd, key)
	if !ok || fd.MapValue().Message() == nil {
		return nil
	}
	return v.Message()
}

func entryValue(m protoreflect.Message, fd protoreflect.FieldDescriptor, key string) (protoreflect.Value, bool) {
	if m == nil || !m.Has(fd) {
		return protoreflect.Value{}, false
	}
	var found protoreflect.Value
	m.Get(fd).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		if k.String() == key {
			found = v
		}
		return !found.IsValid()
	})
	return found, found.IsValid()
}

func elementOf(m protoreflect.Message, fd protoreflect.FieldDescriptor, i int) protoreflect.Message {
	if fd.Message() == nil || i < 0 || i >= length(m, fd) {
		return nil
	}
	return m.Get(fd).List().Get(i).Message()
}

// length returns the length of a list.
func length(m protoreflect.Message, fd protoreflect.FieldDescriptor) int {
	if m == nil || !m.Has(fd) {
		return 0
	}
	return m.Get(fd).List().Len()
}

// merged returns the object of a merge that has a value at the end of the nest.
func merged(nest []nested, value any) any {
	for _, n := range slices.Backward(nest) {
		if n.typeURL != "" {
			if o, ok := value.(map[string]any); ok {
				o = cloned(o)
				o["@type"] = n.typeURL
				value = o
			}
		}
		value = map[string]any{n.name: value}
	}
	return value
}

func cloned(o map[string]any) map[string]any {
	out := make(map[string]any, len(o)+1)
	for k, v := range o {
		out[k] = v
	}
	return out
}

// short shortens user input that is quoted in a remark.
func short(text string) string {
	return strings.Join(strings.Fields(typedconfig.Shortened(text)), " ")
}
