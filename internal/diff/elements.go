package diff

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/redact"
)

// element is an element of a list or entry of a map.
type element struct {
	in    protoreflect.Message // the message with the list or map
	field protoreflect.FieldDescriptor
	key   protoreflect.MapKey // of a map
	value protoreflect.Value
}

// mapField compares maps in key order.
func (c *comparer) mapField(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Message) {
	before, after := entries(f, a), entries(f, b)
	var keys []string
	for _, entries := range []map[string]element{before, after} {
		for key := range entries {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		at := fmt.Sprintf("%s[%s]", path, printed(key))
		was, had := before[key]
		is, has := after[key]
		switch {
		case !has:
			c.add(Removed, at, "", c.elementJSON(was), nil)
		case !had:
			c.add(Added, at, "", nil, c.elementJSON(is))
		default:
			c.element(at, f.MapValue(), was, is)
		}
	}
}

func entries(f protoreflect.FieldDescriptor, m protoreflect.Message) map[string]element {
	out := map[string]element{}
	m.Get(f).Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		out[k.String()] = element{in: m, field: f, key: k, value: v}
		return true
	})
	return out
}

// list compares lists by the names of their elements, or by index if not all elements have a unique name.
func (c *comparer) list(path string, f protoreflect.FieldDescriptor, a, b protoreflect.Message) {
	before, after := elements(f, a), elements(f, b)
	was, named := names(before)
	is, alsoNamed := names(after)
	if named && alsoNamed {
		c.namedList(path, before, after, was, is)
		return
	}
	for i := range max(len(before), len(after)) {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case i >= len(after):
			c.add(Removed, at, "", c.elementJSON(before[i]), nil)
		case i >= len(before):
			c.add(Added, at, "", nil, c.elementJSON(after[i]))
		default:
			c.element(at, f, before[i], after[i])
		}
	}
}

func (c *comparer) namedList(path string, before, after []element, was, is []string) {
	wasAt, isAt := indexes(was), indexes(is) // there can be thousands
	for i, name := range was {
		if _, there := isAt[name]; !there {
			c.add(Removed, path+name, "", c.elementJSON(before[i]), nil)
		}
	}
	for i, name := range is {
		if at, there := wasAt[name]; there {
			c.element(path+name, after[i].field, before[at], after[i])
		} else {
			c.add(Added, path+name, fmt.Sprintf("at index %d", i), nil, c.elementJSON(after[i]))
		}
	}
	kept := func(all []string, others map[string]int) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { _, there := others[name]; return !there })
	}
	if x, y := kept(was, isAt), kept(is, wasAt); !slices.Equal(x, y) {
		c.add(Changed, path, "order", c.order(x), c.order(y))
	}
}

func indexes(names []string) map[string]int {
	at := make(map[string]int, len(names))
	for i, name := range names {
		at[name] = i
	}
	return at
}

func (c *comparer) order(names []string) json.RawMessage {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.Trim(name, "[]")
	}
	b, err := json.Marshal(list)
	c.note(err)
	return b
}

func elements(f protoreflect.FieldDescriptor, m protoreflect.Message) (out []element) {
	list := m.Get(f).List()
	for i := range list.Len() {
		out = append(out, element{in: m, field: f, value: list.Get(i)})
	}
	return out
}

// names returns the names of elements as in a path, such as [name=x].
func names(list []element) (out []string, unique bool) {
	seen := make(map[string]bool, len(list))
	for _, e := range list {
		name := nameOf(e)
		if name == "" || seen[name] {
			return nil, false
		}
		seen[name] = true
		out = append(out, name)
	}
	return out, true
}

// naming are the fields that can name a message in a list.
var naming = []protoreflect.Name{"name", "key", "cluster_name"}

func nameOf(e element) string {
	if e.field.Message() == nil {
		return ""
	}
	m := e.value.Message()
	for _, name := range naming {
		f := m.Descriptor().Fields().ByName(name)
		if f != nil && f.Kind() == protoreflect.StringKind && !f.IsList() && m.Has(f) && !redact.IsSensitive(f) {
			return fmt.Sprintf("[%s=%s]", name, printed(m.Get(f).String()))
		}
	}
	return ""
}

// printed returns a name as in a path.
func printed(name string) string {
	if strings.ContainsAny(name, "[]\"\n") || name == "" {
		return strconv.Quote(name)
	}
	return name
}
