package wire

import (
	"unsafe"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/pkg/xds"
)

// FieldNumbers holds the field numbers of the name and metadata of a resource kind; zero if it has
// none.
type FieldNumbers struct {
	name, metadata protowire.Number
}

// FieldNumbersOf looks up the fields `name` or `cluster_name`, and `metadata`, in the descriptor of
// m.
func FieldNumbersOf(m proto.Message) FieldNumbers {
	fields := m.ProtoReflect().Descriptor().Fields()
	number := func(name protoreflect.Name) protowire.Number {
		if f := fields.ByName(name); f != nil {
			return f.Number()
		}
		return 0
	}
	s := FieldNumbers{name: number("name"), metadata: number("metadata")}
	if s.name == 0 {
		s.name = number("cluster_name")
	}
	return s
}

// View reads a resource's name and metadata on demand, and nothing else. It is for one goroutine,
// and the name is part of raw, which must not change.
type View struct {
	fields     FieldNumbers
	raw        []byte
	name       string
	metadata   []byte
	scanned    bool
	references []xds.Reference
	decoded    bool
}

// NewView returns a view of the resource in raw.
func NewView(s FieldNumbers, raw []byte) *View { return &View{fields: s, raw: raw} }

// Reset makes v a view of another resource of the same kind.
func (v *View) Reset(raw []byte) { *v = View{fields: v.fields, raw: raw} }

// Name returns the resource's name, or an empty string.
func (v *View) Name() string {
	v.scan()
	return v.name
}

// OnlyNameRead reports whether the name was read, and nothing else.
func (v *View) OnlyNameRead() bool { return v.scanned && !v.decoded }

// References returns the Kubernetes objects that Envoy Gateway names in the metadata.
func (v *View) References() []xds.Reference {
	if v.decoded {
		return v.references
	}
	v.scan()
	v.decoded = true
	var md corev3.Metadata
	if len(v.metadata) > 0 && proto.Unmarshal(v.metadata, &md) == nil {
		v.references = xds.References(&md)
	}
	return v.references
}

// scan finds the two fields. As in decoding, the last of several names counts, and several values
// of metadata are concatenated.
func (v *View) scan() {
	if v.scanned {
		return
	}
	v.scanned = true
	for _, f := range fieldsOf(v.raw) {
		if f.Value != nil {
			v.setField(f.Number, f.Value)
		}
	}
}

func (v *View) setField(num protowire.Number, value []byte) {
	switch num {
	case v.fields.name:
		v.name = unsafe.String(unsafe.SliceData(value), len(value)) // as immutable as raw
	case v.fields.metadata:
		if v.metadata == nil {
			v.metadata = value
		} else {
			v.metadata = append(v.metadata[:len(v.metadata):len(v.metadata)], value...)
		}
	}
}
