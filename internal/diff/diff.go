// Package diff compares two messages of one type field by field, for people to read. The path of a
// list element has its name if it has one, the content of an Any is compared by field, maps are
// unordered, and values have no secrets.
//
// It must not know any Envoy message by name, and must not modify the messages.
package diff

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/redact"
)

// Op is the kind of difference.
type Op string

// The operations, as printed.
const (
	Added   Op = "+"
	Changed Op = "~"
	Removed Op = "-"
)

// Change is a field that differs. A field that is set in only one of the messages is one change
// with its whole content.
type Change struct {
	Op Op `json:"op"`
	// Path has the names of fields as Envoy prints them, such as
	// virtual_hosts[name=x].routes[name=y].route.cluster. An index is the one after the change, for
	// a removed element the one before.
	Path string `json:"path"`
	// Note is "order" if the elements of a list are in a different order: Old and New are then
	// their names in order. It is "at index N" for an element that was inserted into a list of
	// named elements.
	Note string `json:"note,omitempty"`
	// Old and New are values without secrets.
	Old json.RawMessage `json:"old,omitempty"`
	New json.RawMessage `json:"new,omitempty"`
}

// Result is a comparison.
type Result struct {
	Changes []Change `json:"changes"`
	// Unchanged is the number of fields that are set and equal. A message counts as the fields in
	// it, and each element of a list counts.
	Unchanged int `json:"unchanged"`
}

// Messages compares two messages of one type. The changes are in the order of the type's fields.
func Messages(before, after proto.Message) (*Result, error) {
	a, b := before.ProtoReflect(), after.ProtoReflect()
	if a.Descriptor().FullName() != b.Descriptor().FullName() {
		return nil, fmt.Errorf("compare messages of different types: %s and %s", a.Descriptor().FullName(), b.Descriptor().FullName())
	}
	c := &comparer{Result: &Result{Changes: []Change{}}}
	c.message("", a, b)
	return c.Result, c.err
}

type comparer struct {
	*Result
	err error // the first error
}

func (c *comparer) add(op Op, path, note string, before, after json.RawMessage) {
	c.Changes = append(c.Changes, Change{Op: op, Path: path, Note: note, Old: before, New: after})
}

// message compares two messages of one type.
func (c *comparer) message(path string, a, b protoreflect.Message) {
	switch name := a.Descriptor().FullName(); {
	case name == "google.protobuf.Any":
		c.anyMessage(path, a, b)
	case name == "google.protobuf.Struct":
		f := a.Descriptor().Fields().ByName("fields")
		c.mapField(path, f, a, b)
	case name == "google.protobuf.Value":
		c.value(path, a, b)
	case name == "google.protobuf.ListValue":
		f := a.Descriptor().Fields().ByName("values")
		c.list(path, f, a, b)
	case isLeaf(a):
		c.whole(path, a, b)
	default:
		if path != "" && leaves(a)+leaves(b) == 0 {
			c.Unchanged++
		}
		fields := a.Descriptor().Fields()
		for i := range fields.Len() {
			c.field(path, fields.Get(i), a, b)
		}
		if !bytes.Equal(a.GetUnknown(), b.GetUnknown()) {
			c.add(Changed, join(path, "(fields of a newer API)"), "", secret(), secret())
		}
	}
}

// isLeaf reports whether a message is compared as one value: messages with a special JSON form, and
// messages written as a Struct, where comparing by path would bypass redaction.
func isLeaf(m protoreflect.Message) bool {
	switch d := m.Descriptor(); d.Name() {
	case "TypedStruct":
		return true
	default:
		return d.ParentFile().Package() == "google.protobuf" && d.Name() != "Empty"
	}
}

// isOpen reports whether a message with a special JSON form is compared by its members.
func isOpen(m protoreflect.Message) bool {
	switch m.Descriptor().FullName() {
	case "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue":
		return true
	}
	return false
}

func (c *comparer) whole(path string, a, b protoreflect.Message) {
	if proto.Equal(a.Interface(), b.Interface()) {
		c.Unchanged++
		return
	}
	c.add(Changed, path, "", c.json(a), c.json(b))
}

// value compares two values of a Struct.
func (c *comparer) value(path string, a, b protoreflect.Message) {
	kind := a.Descriptor().Oneofs().Get(0)
	f := a.WhichOneof(kind)
	if f == nil || f != b.WhichOneof(kind) || f.Message() == nil {
		c.whole(path, a, b)
		return
	}
	c.message(path, a.Get(f).Message(), b.Get(f).Message())
}

// anyMessage compares the content of two Any.
func (c *comparer) anyMessage(path string, a, b protoreflect.Message) {
	x, y := redact.Unpack(a), redact.Unpack(b)
	switch {
	case proto.Equal(a.Interface(), b.Interface()):
		c.Unchanged += leaves(a)
	case x == nil || y == nil || x.Descriptor() != y.Descriptor():
		c.add(Changed, path, "", c.json(a), c.json(b))
	default:
		c.message(fmt.Sprintf("%s[@type=%s]", path, x.Descriptor().FullName()), x, y)
	}
}

// field compares a field of two messages.
func (c *comparer) field(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Message) {
	path = join(path, string(f.Name()))
	was, is := a.Has(f), b.Has(f)
	switch {
	case !was && !is:
	case !is:
		c.add(Removed, path, "", c.fieldJSON(a, f), nil)
	case !was:
		c.add(Added, path, "", nil, c.fieldJSON(b, f))
	case redact.IsSensitive(f):
		if a.Get(f).Equal(b.Get(f)) {
			c.Unchanged++
		} else {
			c.add(Changed, path, "", secret(), secret())
		}
	case f.IsMap():
		c.mapField(path, f, a, b)
	case f.IsList():
		c.list(path, f, a, b)
	case f.Message() != nil:
		c.message(path, a.Get(f).Message(), b.Get(f).Message())
	case a.Get(f).Equal(b.Get(f)):
		c.Unchanged++
	default:
		c.add(Changed, path, "", c.fieldJSON(a, f), c.fieldJSON(b, f))
	}
}

// element compares two elements of a list or map.
func (c *comparer) element(path string, f protoreflect.FieldDescriptor, a, b element) {
	switch {
	case f.Message() != nil:
		c.message(path, a.value.Message(), b.value.Message())
	case a.value.Equal(b.value):
		c.Unchanged++
	default:
		c.add(Changed, path, "", c.elementJSON(a), c.elementJSON(b))
	}
}

func secret() json.RawMessage { return json.RawMessage(`"` + redact.Text + `"`) }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
