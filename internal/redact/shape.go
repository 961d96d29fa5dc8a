package redact

import (
	"bytes"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/envoyapi"
)

// shape is what [isClean] needs of a type of messages.
type shape struct {
	isAny  bool
	opaque bool    // only decoding can tell
	fields []field // by number
}

// field is what [isClean] needs of a field.
type field struct {
	known, sensitive, isText, isMap, isList bool
	typ                                     protowire.Type // of one element
	within                                  *shape         // of messages
	single                                  uint16         // the number, of a oneof that of its first field; 0 of lists and maps
}

// maxNumber is how large the numbers of fields are at most, so that a shape takes little memory.
const maxNumber = 511

// shapes are those of types that came, with all types in them: as many as the API has at most.
var shapes = struct {
	sync.RWMutex
	byName map[string]*shape
}{byName: map[string]*shape{}}

// shapeOf is the shape of a type.
func shapeOf(d protoreflect.MessageDescriptor) *shape {
	shapes.RLock()
	s := shapes.byName[string(d.FullName())]
	shapes.RUnlock()
	if s == nil {
		shapes.Lock() // until all shapes in it are complete
		defer shapes.Unlock()
		s = newShape(d)
	}
	return s
}

// shapeOfURL is the shape of what is in an Any, and nil if its type is not known.
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

// newShape makes a shape that is not there yet, and those of the types in it.
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
