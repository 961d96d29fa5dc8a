package xdspatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
)

// compileValue compiles an expression for the field or element at the end of a path.
func compileValue(of protoreflect.MessageDescriptor, text string, s step, at *field.Path) (*expression, *field.Error) {
	e, err := compile(of, text, func(t *cel.Type) string { return unassignable(s, t) }, at)
	if err != nil || e.fixed == nil {
		return e, err
	}
	if _, err := convert(s, e.fixed); err != nil {
		return nil, field.Invalid(at, typedconfig.Shortened(text), plain(err.Error()))
	}
	return e, nil
}

// value evaluates the expression for the field or element at the end of a path.
func (e *expression) value(ctx context.Context, m proto.Message, target *Target, s step) (value, error) {
	v, err := e.run(ctx, m, target)
	if err != nil {
		return value{}, err
	}
	return convert(s, v)
}

// unassignable says why a field cannot have a value of a type. It returns "" if it can.
func unassignable(s step, t *cel.Type) string {
	want := typesFor(s.fd)
	switch {
	case s.fd.IsMap() && s.key != nil:
		want = typesFor(s.fd.MapValue())
	case s.fd.IsMap():
		want = []*cel.Type{cel.MapType(cel.DynType, cel.DynType)}
	case s.fd.IsList():
		want = []*cel.Type{cel.ListType(cel.DynType)}
	}
	names := ""
	for i, w := range want {
		if t.Kind() == types.DynKind || w.IsAssignableType(t) || w.Kind() == t.Kind() && (s.fd.IsList() || s.fd.IsMap() && s.key == nil) {
			return ""
		}
		if i > 0 {
			names += " or "
		}
		names += w.String()
	}
	return fmt.Sprintf("is of type %s and must be %s for %s", t, names, s.fd.TextName())
}

// typesFor returns the CEL types that can be assigned to a field that is not a list or map.
func typesFor(fd protoreflect.FieldDescriptor) []*cel.Type {
	switch fd = scalar(fd); fd.Kind() {
	case protoreflect.BoolKind:
		return []*cel.Type{cel.BoolType}
	case protoreflect.StringKind:
		return []*cel.Type{cel.StringType}
	case protoreflect.BytesKind:
		return []*cel.Type{cel.BytesType, cel.StringType}
	case protoreflect.EnumKind:
		return []*cel.Type{cel.StringType, cel.IntType}
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return []*cel.Type{cel.DoubleType, cel.IntType, cel.UintType}
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return typesOfMessage(fd.Message())
	}
	return []*cel.Type{cel.IntType, cel.UintType}
}

func typesOfMessage(of protoreflect.MessageDescriptor) []*cel.Type {
	switch of.FullName() {
	case "google.protobuf.Duration":
		return []*cel.Type{cel.DurationType}
	case "google.protobuf.Timestamp":
		return []*cel.Type{cel.TimestampType}
	case "google.protobuf.Struct":
		return []*cel.Type{cel.MapType(cel.StringType, cel.DynType)}
	case "google.protobuf.ListValue":
		return []*cel.Type{cel.ListType(cel.DynType)}
	case anyName, "google.protobuf.Value":
		return []*cel.Type{cel.DynType}
	}
	return []*cel.Type{cel.ObjectType(string(of.FullName()))}
}

// convert converts a result for the field or element at the end of a path.
func convert(s step, v ref.Val) (out value, err error) {
	switch {
	case s.fd.IsMap() && s.key != nil:
		return convertSingle(s.fd.MapValue(), v)
	case s.fd.IsMap():
		return convertMap(s.fd, v)
	case s.fd.IsList():
		list, ok := v.(traits.Lister)
		if !ok {
			return out, mismatch(v)
		}
		for it := list.Iterator(); it.HasNext() == types.True; {
			e, err := convertSingle(s.fd, it.Next())
			if err != nil {
				return out, err
			}
			out.list = append(out.list, e)
		}
		return out, nil
	}
	return convertSingle(s.fd, v)
}

func convertMap(fd protoreflect.FieldDescriptor, v ref.Val) (out value, err error) {
	m, ok := v.(traits.Mapper)
	if !ok {
		return out, mismatch(v)
	}
	for it := m.Iterator(); it.HasNext() == types.True; {
		k := it.Next()
		name, err := convertScalar(fd.MapKey(), k)
		if err != nil {
			return out, err
		}
		e, err := convertSingle(fd.MapValue(), m.Get(k))
		if err != nil {
			return out, err
		}
		out.entries = append(out.entries, entry{name.MapKey(), e})
	}
	return out, nil
}

func mismatch(v ref.Val) error {
	return fmt.Errorf("a value of type %s", v.Type().TypeName())
}

func noValueOf(of protoreflect.EnumDescriptor) error {
	return fmt.Errorf("a value that is not one of %s", typedconfig.Shortened(strings.Join(valuesOf(of), ", ")))
}

// convertSingle converts a result to a scalar or message.
func convertSingle(fd protoreflect.FieldDescriptor, v ref.Val) (value, error) {
	if fd.Message() == nil {
		out, err := convertScalar(fd, v)
		if err != nil {
			return value{}, fmt.Errorf("%s: %w", fd.TextName(), err)
		}
		return value{scalar: out}, nil
	}
	m, err := convertMessage(fd, v)
	if err != nil {
		return value{}, fmt.Errorf("%s: %w", fd.TextName(), err)
	}
	return single(protoreflect.ValueOfMessage(m))
}

func convertMessage(fd protoreflect.FieldDescriptor, v ref.Val) (protoreflect.Message, error) {
	of := fd.Message()
	native := map[protoreflect.FullName]reflect.Type{
		"google.protobuf.Struct": reflect.TypeFor[*structpb.Struct](), "google.protobuf.Value": reflect.TypeFor[*structpb.Value](),
		"google.protobuf.ListValue": reflect.TypeFor[*structpb.ListValue](),
		"google.protobuf.Duration":  durationType, "google.protobuf.Timestamp": timestampType,
	}
	switch {
	case isWrapper(of):
		inner, err := convertScalar(scalar(fd), v)
		if err != nil {
			return nil, err
		}
		return wrapped(of, inner)
	case native[of.FullName()] != nil:
		out, err := v.ConvertToNative(native[of.FullName()])
		if err != nil {
			return nil, mismatch(v)
		}
		m := out.(proto.Message).ProtoReflect()
		return m, fault(m)
	}
	m, ok := v.Value().(proto.Message)
	switch {
	case !ok:
		return nil, mismatch(v)
	case of.FullName() == anyName:
		if err := fault(m.ProtoReflect()); err != nil {
			return nil, err
		}
		return packed(m)
	case m.ProtoReflect().Descriptor().FullName() != of.FullName():
		return nil, mismatch(v)
	}
	return m.ProtoReflect(), fault(m.ProtoReflect())
}

// fault returns an error if a message contains what an expression can set but JSON cannot: a field
// that Envoy rejects, or a number that is NaN or infinite.
func fault(m protoreflect.Message) error {
	return protorange.Range(m, func(p protopath.Values) error {
		last := p.Index(-1)
		if last.Step.Kind() == protopath.FieldAccessStep && typedconfig.IsProhibited(last.Step.FieldDescriptor()) {
			return fmt.Errorf("%s is deprecated, and Envoy rejects it", last.Step.FieldDescriptor().TextName())
		}
		switch last.Value.Interface().(type) {
		case float32, float64:
			return finite(last.Value.Float())
		}
		return nil
	})
}

func finite(f float64) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return errors.New("a value that is not a finite number")
	}
	return nil
}

// packed packs a message into an Any, unless it is one.
func packed(m proto.Message) (protoreflect.Message, error) {
	if m.ProtoReflect().Descriptor().FullName() == anyName {
		return m.ProtoReflect(), nil
	}
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return (&anypb.Any{TypeUrl: typedconfig.URLPrefix + string(m.ProtoReflect().Descriptor().FullName()), Value: b}).ProtoReflect(), err
}

// convertScalar converts a result to a scalar without loss: a number out of the field's range is an
// error. Errors do not quote the value, because it can be a secret in the message.
func convertScalar(fd protoreflect.FieldDescriptor, v ref.Val) (protoreflect.Value, error) {
	switch v := v.(type) {
	case types.Bool:
		if fd.Kind() == protoreflect.BoolKind {
			return protoreflect.ValueOfBool(bool(v)), nil
		}
	case types.String:
		switch fd.Kind() {
		case protoreflect.StringKind:
			return protoreflect.ValueOfString(string(v)), nil
		case protoreflect.BytesKind:
			return protoreflect.ValueOfBytes([]byte(v)), nil
		case protoreflect.EnumKind:
			if out, err := scalarOf(fd, string(v)); err == nil {
				return out, nil
			}
			return protoreflect.Value{}, noValueOf(fd.Enum())
		}
	case types.Bytes:
		if fd.Kind() == protoreflect.BytesKind {
			return protoreflect.ValueOfBytes(v), nil
		}
	case types.Int, types.Uint, types.Double:
		return convertNumber(fd, v)
	}
	return protoreflect.Value{}, mismatch(v)
}

func convertNumber(fd protoreflect.FieldDescriptor, v ref.Val) (protoreflect.Value, error) {
	switch fd.Kind() {
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		f := float64(v.ConvertToType(types.DoubleType).(types.Double))
		if err := finite(f); err != nil {
			return protoreflect.Value{}, err
		}
		if fd.Kind() == protoreflect.FloatKind {
			return protoreflect.ValueOfFloat32(float32(f)), nil
		}
		return protoreflect.ValueOfFloat64(f), nil
	case protoreflect.EnumKind:
		n, ok := v.(types.Int)
		if !ok || n < math.MinInt32 || n > math.MaxInt32 || fd.Enum().Values().ByNumber(protoreflect.EnumNumber(n)) == nil {
			return protoreflect.Value{}, noValueOf(fd.Enum())
		}
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), nil
	}
	if _, ok := v.(types.Double); ok {
		return protoreflect.Value{}, mismatch(v)
	}
	out, ok := numberOf(fd.Kind(), fmt.Sprint(v.Value()))
	if !ok {
		return out, fmt.Errorf("a value out of the range of %s", fd.Kind())
	}
	return out, nil
}
