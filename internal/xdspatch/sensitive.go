package xdspatch

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/envoyfilter"
)

// Sensitive returns the paths that need a grant, each once: those the patch writes to, and those
// inside the values that it writes.
func (p *Patch) Sensitive() []Path {
	f := &finder{}
	for _, o := range p.ops {
		f.op(o)
	}
	return f.found
}

// finder looks for sensitive fields.
type finder struct{ found []Path }

// maxFound limits the number of returned paths.
const maxFound = 64

func (f *finder) add(p Path) {
	for _, other := range f.found {
		if other.Covers(p) && p.Covers(other) {
			return
		}
	}
	if len(f.found) < maxFound {
		f.found = append(f.found, p)
	}
}

func (f *finder) op(o op) {
	for _, s := range o.path {
		if !isHarmless(s.fd) || s.as != nil && !isKnown(s.as.Descriptor()) || s.fd.FullName() == protocolOptions && !s.hasItsMessage() {
			f.add(o.path)
			return
		}
	}
	last := o.path.last()
	switch {
	case !o.keepsOthers() && !siblingsAreHarmless(last.fd),
		!o.merged && holdsSensitive(last.fd, map[protoreflect.FullName]bool{}, o.computed != nil),
		o.computed != nil && byValue[last.fd.FullName()] != nil:
		f.add(o.path)
	case o.written.IsValid():
		f.value(last.fd, o.written, o.path)
	}
}

// protocolOptions is a map whose keys must be the names of the messages in it: Envoy rejects keys
// that it does not know.
const protocolOptions = "envoy.config.cluster.v3.Cluster.typed_extension_protocol_options"

func (s step) hasItsMessage() bool {
	return s.key != nil && (s.as == nil || s.key.text == string(s.as.Descriptor().FullName()))
}

// keepsOthers reports whether a write does not replace another member of a oneof: it only creates a
// missing message, and fails if another member is set.
func (o op) keepsOthers() bool { return o.merged && !o.written.IsValid() }

// replaceable are oneofs in which a harmless member may replace a sensitive one: that only ends the
// effect of the latter.
var replaceable = map[protoreflect.FullName]bool{
	"envoy.config.core.v3.DataSource.specifier":            true,
	"envoy.config.core.v3.SubstitutionFormatString.format": true,
}

// siblingsAreHarmless reports whether a field cannot replace a sensitive member of a oneof.
func siblingsAreHarmless(fd protoreflect.FieldDescriptor) bool {
	of := fd.ContainingOneof()
	for i := 0; of != nil && !replaceable[of.FullName()] && i < of.Fields().Len(); i++ {
		if !isHarmless(of.Fields().Get(i)) {
			return false
		}
	}
	return true
}

// holdsSensitive reports whether a message can contain a sensitive field. With values, fields that
// are sensitive only for some values count, too.
func holdsSensitive(fd protoreflect.FieldDescriptor, seen map[protoreflect.FullName]bool, values bool) bool {
	if fd.IsMap() {
		fd = fd.MapValue()
	}
	of := fd.Message()
	switch {
	case of == nil || seen[of.FullName()]:
		return false
	case of.FullName() == anyName:
		return true
	case of.FullName().Parent() == "google.protobuf":
		return false
	}
	seen[of.FullName()] = true
	for i := range of.Fields().Len() {
		inner := of.Fields().Get(i)
		if !isHarmless(inner) || values && byValue[inner.FullName()] != nil || holdsSensitive(inner, seen, values) {
			return true
		}
	}
	return false
}

// value checks a value written to a field.
func (f *finder) value(fd protoreflect.FieldDescriptor, v protoreflect.Value, at Path) {
	if check := byValue[fd.FullName()]; check != nil && !check(v) {
		f.add(at)
		return
	}
	if l, ok := v.Interface().(protoreflect.List); ok {
		for i := range l.Len() {
			f.single(l.Get(i), at)
		}
		return
	}
	if m, ok := v.Interface().(protoreflect.Map); ok {
		m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			last := at.last()
			last.key = &key{value: k.Value(), text: canonical(fd.MapKey(), k.Value())}
			f.single(v, at[:len(at)-1].with(last))
			return true
		})
		return
	}
	f.single(v, at)
}

// single checks a message or scalar.
func (f *finder) single(v protoreflect.Value, at Path) {
	m, ok := v.Interface().(protoreflect.Message)
	switch {
	case !ok || len(f.found) == maxFound:
		return
	case m.Descriptor().FullName() == anyName:
		f.packed(m, at)
		return
	case m.Descriptor().FullName().Parent() == "google.protobuf":
		return
	case !isKnown(m.Descriptor()):
		f.add(at)
		return
	}
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if !m.Has(fd) {
			continue
		}
		if inner := at.with(step{fd: fd}); isHarmless(fd) {
			f.value(fd, m.Get(fd), inner)
		} else {
			f.add(inner)
		}
	}
}

// packed checks the message in an Any.
func (f *finder) packed(m protoreflect.Message, at Path) {
	a := &anypb.Any{}
	raw, err := proto.Marshal(m.Interface())
	if err == nil {
		err = proto.Unmarshal(raw, a)
	}
	content, broken := anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: envoyapi.Types{}})
	if err != nil || broken != nil || !isKnown(content.ProtoReflect().Descriptor()) {
		f.add(at)
		return
	}
	last := at.last()
	last.as = content.ProtoReflect().Type()
	f.single(protoreflect.ValueOfMessage(content.ProtoReflect()), at[:len(at)-1].with(last))
}

// byValue are the fields that need a grant for some values: Envoy expands command operators in the
// text, which can read its environment, selects a route by the header, or may reject the value.
var byValue = map[protoreflect.FullName]func(protoreflect.Value) bool{
	"envoy.config.core.v3.HeaderValue.key":                                isHeaderName,
	"envoy.config.core.v3.HeaderValue.value":                              isPlainText,
	"envoy.config.core.v3.HeaderValue.raw_value":                          isPlainBytes,
	"envoy.config.core.v3.DataSource.inline_string":                       isPlainText,
	"envoy.config.core.v3.DataSource.inline_bytes":                        isPlainBytes,
	"envoy.config.core.v3.SubstitutionFormatString.json_format":           isPlainStruct,
	"envoy.config.route.v3.RouteConfiguration.request_headers_to_remove":  areHeaderNames,
	"envoy.config.route.v3.RouteConfiguration.response_headers_to_remove": areHeaderNames,
	"envoy.config.route.v3.VirtualHost.request_headers_to_remove":         areHeaderNames,
	"envoy.config.route.v3.VirtualHost.response_headers_to_remove":        areHeaderNames,
	"envoy.config.route.v3.Route.request_headers_to_remove":               areHeaderNames,
	"envoy.config.route.v3.Route.response_headers_to_remove":              areHeaderNames,
	"envoy.type.matcher.v3.RegexMatcher.regex":                            func(v protoreflect.Value) bool { return envoyfilter.RegexFault(v.String()) == "" },
}

func isHeaderName(v protoreflect.Value) bool { return envoyfilter.NameFault(v.String()) == "" }

func areHeaderNames(v protoreflect.Value) bool {
	for i := range v.List().Len() {
		if !isHeaderName(v.List().Get(i)) {
			return false
		}
	}
	return true
}

func isPlainText(v protoreflect.Value) bool  { return envoyfilter.FormatFault(v.String()) == "" }
func isPlainBytes(v protoreflect.Value) bool { return envoyfilter.FormatFault(string(v.Bytes())) == "" }

// isPlainStruct checks all strings, including the names of members.
func isPlainStruct(v protoreflect.Value) bool {
	plain := true
	err := protorange.Range(v.Message(), func(p protopath.Values) error {
		last := p.Index(-1)
		if text, ok := last.Value.Interface().(string); ok {
			plain = plain && envoyfilter.FormatFault(text) == ""
		}
		if last.Step.Kind() == protopath.MapIndexStep {
			plain = plain && envoyfilter.FormatFault(last.Step.MapIndex().String()) == ""
		}
		return nil
	})
	return plain && err == nil
}
