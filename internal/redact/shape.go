package redact

import (
	"bytes"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
)

// shape is the information that [isClean] needs about a message type.
type shape struct {
	isAny  bool
	opaque bool    // only decoding can tell
	fields []field // by number
}

// field is the information that [isClean] needs about a field.
type field struct {
	known, sensitive, isText, isMap, isList bool
	typ                                     protowire.Type // of one element
	within                                  *shape         // for message fields
	single                                  uint16         // the field's number, or for a oneof that of its first field; 0 for lists and maps
}

// maxNumber limits field numbers, so that a shape takes little memory.
const maxNumber = 511

// shapes caches the shapes of types, including all types in them. The number of types in the API
// limits its size.
var shapes = struct {
	sync.RWMutex
	byName map[string]*shape
}{byName: map[string]*shape{}}

// shapeOf returns the shape of a type.
func shapeOf(d protoreflect.MessageDescriptor) *shape {
	shapes.RLock()
	s := shapes.byName[string(d.FullName())]
	shapes.RUnlock()
	if s == nil {
		shapes.Lock() // held until all shapes in it are complete
		defer shapes.Unlock()
		s = newShape(d)
	}
	return s
}

// shapeOfURL returns the shape of the content of an Any, nil if its type is unknown.
func shapeOfURL(url []byte) *shape {
	name := url[bytes.LastIndexByte(url, '/')+1:]
	shapes.RLock()
	s := shapes.byName[string(name)]
	shapes.RUnlock()
	if s != nil {
		return s
	}
	t, err := envoyapi.Types{}.FindMessageByURL(string(url))
	if err != nil {
		return nil
	}
	return shapeOf(t.Descriptor())
}

// newShape makes the shape of a type and the types in it, if it does not exist yet.
func newShape(d protoreflect.MessageDescriptor) *shape {
	name := string(d.FullName())
	if s := shapes.byName[name]; s != nil {
		return s
	}
	s := &shape{isAny: name == "google.protobuf.Any", opaque: isTypedStructName(d.FullName()) || d.ParentFile().Syntax() != protoreflect.Proto3}
	shapes.byName[name] = s
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		n := int(f.Number())
		if n > maxNumber || f.Kind() == protoreflect.GroupKind {
			s.opaque = true
			continue
		}
		if n >= len(s.fields) {
			s.fields = append(s.fields, make([]field, n+1-len(s.fields))...)
		}
		s.fields[n] = newField(f)
	}
	return s
}

func newField(f protoreflect.FieldDescriptor) field {
	out := field{known: true, sensitive: IsSensitive(f), isText: f.Kind() == protoreflect.StringKind, isMap: f.IsMap(), isList: f.IsList(), typ: wireType(f.Kind())}
	if o := f.ContainingOneof(); o != nil {
		out.single = uint16(o.Fields().Get(0).Number())
	} else if !f.IsList() && !f.IsMap() {
		out.single = uint16(f.Number())
	}
	if f.Message() != nil {
		out.within = newShape(f.Message())
	}
	return out
}

func wireType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	default:
		return protowire.VarintType
	}
}
