package convert

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// The supported operations.
const (
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
)

// change is a list of patches without their select and when.
type change []v1alpha1.XDSPatch

// changer collects the changes that could have the effect of an operation on a message, the best ones first.
type changer struct {
	op    string
	value any
	// isInEffect is true if an earlier run of the operation is already part of before.
	isInEffect bool
	out        []change
	// fault is the reason if there is no change, or no better one.
	fault error
}

// changes returns candidates for an operation at a path of a message. The caller must try which of
// them has the same effect.
func changes(c *cursor, op string, path []string, value any, isInEffect bool) ([]change, error) {
	w := &changer{op: op, value: value, isInEffect: isInEffect}
	w.at(c, path)
	switch {
	case len(w.out) > 0:
		return w.out, nil
	case w.fault == nil:
		return nil, reject("", "no egraft patch has the same effect")
	}
	return nil, w.fault
}

func (w *changer) add(all ...v1alpha1.XDSPatch) {
	w.out = append(w.out, all)
}

func (w *changer) at(c *cursor, path []string) {
	fd, fault := typedconfig.FieldOf(c.of, path[0])
	if fault != "" {
		w.fault = reject("Envoy has no such field, or no longer reads it", "%q %s", short(path[0]), fault)
		return
	}
	switch rest := path[1:]; {
	case fd.IsList():
		w.list(c, fd, rest)
	case len(rest) == 0:
		w.field(c, fd)
	case fd.IsMap():
		w.entry(c, fd, rest)
	case fd.Message() == nil:
		w.fault = reject("", "%s has no fields", fd.TextName())
	default:
		w.into(c, c.message(fd), fd, rest)
	}
}

// into continues inside a message, or writes the whole message if its content has no paths.
func (w *changer) into(c, inner *cursor, fd protoreflect.FieldDescriptor, path []string) {
	if inner.isWhole() {
		w.rewrite(c, fd)
		return
	}
	w.at(inner, path)
	if w.fault == nil && inner.before == nil {
		w.rewrite(c, fd)
	}
}

func (w *changer) entry(c *cursor, fd protoreflect.FieldDescriptor, path []string) {
	inner := c.entry(fd, path[0])
	if len(path) > 1 {
		if inner.isWhole() {
			w.put(inner, fd, w.json(c, fd, path[0]), func() (protoreflect.Value, bool) { return entryValue(c.after, fd, path[0]) })
			return
		}
		w.at(inner, path[1:])
		return
	}
	if w.op == opRemove || w.value == nil {
		w.add(v1alpha1.XDSPatch{Remove: withoutType(inner)})
		return
	}
	w.put(inner, fd, w.value, func() (protoreflect.Value, bool) { return entryValue(c.after, fd, path[0]) })
}

// withoutType returns the path of a field or map entry itself, without the type of the message in it.
func withoutType(c *cursor) string {
	path := c.path
	if c.of != nil {
		if suffix := "[@type=" + string(c.of.FullName()) + "]"; len(path) > len(suffix) && path[len(path)-len(suffix):] == suffix {
			return path[:len(path)-len(suffix)]
		}
	}
	return path
}

// field writes a field that is not a list.
func (w *changer) field(c *cursor, fd protoreflect.FieldDescriptor) {
	if w.op == opRemove || w.value == nil {
		w.add(v1alpha1.XDSPatch{Remove: c.field(fd)})
		return
	}
	w.write(c, fd, w.value)
}

// rewrite writes the value that a field has after the operation.
func (w *changer) rewrite(c *cursor, fd protoreflect.FieldDescriptor) {
	if value := w.json(c, fd, ""); value != nil {
		w.write(c, fd, value)
	}
}

func (w *changer) write(c *cursor, fd protoreflect.FieldDescriptor, value any) {
	inner := c.into(c.field(fd), nested{name: fd.TextName()})
	if !fd.IsMap() {
		inner.before = messageOf(c.before, fd)
	}
	inner.of = fd.Message()
	w.put(inner, fd, value, func() (protoreflect.Value, bool) {
		if c.after == nil {
			return protoreflect.Value{}, false
		}
		return c.after.Get(fd), true
	})
}

// put writes a value at the cursor: by a merge, with or without removing the present value first,
// or inside a list element by an expression.
func (w *changer) put(at *cursor, fd protoreflect.FieldDescriptor, value any, after func() (protoreflect.Value, bool)) {
	path := withoutType(at)
	if at.isInList {
		if v, ok := after(); ok {
			w.set(path, fd, v, at.isEntry)
		}
		return
	}
	all := merges(at, path, fd, value)
	if _, isObject := value.(map[string]any); w.isInEffect && isObject {
		w.add(append([]v1alpha1.XDSPatch{{Remove: path}}, all...)...)
		return
	}
	w.add(all...)
	if fine := w.leftovers(at, path, after); len(fine) > 0 {
		w.add(append(fine, all...)...)
	}
	w.add(append([]v1alpha1.XDSPatch{{Remove: path}}, all...)...)
}

// leftovers returns patches that remove the present fields that the operation's value lacks.
func (w *changer) leftovers(at *cursor, path string, after func() (protoreflect.Value, bool)) (out []v1alpha1.XDSPatch) {
	v, ok := after()
	if !ok || at.before == nil || at.of == nil || typedconfig.IsWellKnown(at.of) || at.before.Descriptor() != at.of {
		return nil
	}
	m, ok := v.Interface().(protoreflect.Message)
	if !ok || m.Descriptor() != at.of {
		return nil
	}
	for i := range at.of.Fields().Len() {
		if fd := at.of.Fields().Get(i); at.before.Has(fd) && !m.Has(fd) {
			out = append(out, v1alpha1.XDSPatch{Remove: path + "." + fd.TextName()})
		}
	}
	return out
}

func (w *changer) set(path string, fd protoreflect.FieldDescriptor, v protoreflect.Value, isEntry bool) {
	of := expression
	if isEntry {
		of = func(fd protoreflect.FieldDescriptor, v protoreflect.Value) (string, bool) {
			return single(fd.MapValue(), v)
		}
	}
	if text, ok := of(fd, v); ok {
		w.add(v1alpha1.XDSPatch{Set: &v1alpha1.XDSSet{Path: path, Expression: text}})
	}
}

// json returns the value of a field or map entry after the operation; nil if it contains a secret
// or does not exist.
func (w *changer) json(c *cursor, fd protoreflect.FieldDescriptor, key string) any {
	if c.after == nil || !c.after.Has(fd) {
		return nil
	}
	only := c.after.New()
	only.Set(fd, c.after.Get(fd))
	if hasSecrets(only) {
		w.fault = reject("Write it by hand", "%s contains secrets, which are not written", fd.TextName())
		return nil
	}
	text, err := protojson.MarshalOptions{UseProtoNames: true, Resolver: envoyapi.Types{}}.Marshal(only.Interface())
	if err != nil {
		return nil
	}
	doc, _ := decode(text)
	members, _ := doc.(map[string]any)
	value := members[fd.TextName()]
	if key == "" {
		return value
	}
	entries, _ := value.(map[string]any)
	return entries[key]
}

// hasSecrets reports whether a message has fields with secrets.
func hasSecrets(m protoreflect.Message) bool {
	before, err := asDocument(m.Interface())
	if err != nil {
		return true
	}
	text, err := redact.JSON(m.Interface())
	if err != nil {
		return true
	}
	after, err := decode(text)
	return err != nil || !equal(before, after)
}

func equal(a, b any) bool {
	first, err := json.Marshal(a)
	second, err2 := json.Marshal(b)
	return err == nil && err2 == nil && slices.Equal(first, second)
}

func raw(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encode what was decoded: %v", err))
	}
	return text
}
