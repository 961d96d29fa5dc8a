package xdspatch

import (
	"fmt"
	"reflect"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/egraft/egraft/internal/typedconfig"
)

// isWrapper reports whether a message is a scalar that can be absent, such as google.protobuf.UInt32Value.
func isWrapper(of protoreflect.MessageDescriptor) bool {
	return of.FullName().Parent() == "google.protobuf" && of.Fields().Len() == 1 && of.Fields().ByName("value") != nil
}

// scalar returns the value field of a wrapper, and the field itself if it is not one.
func scalar(fd protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if fd.Message() != nil && isWrapper(fd.Message()) {
		return fd.Message().Fields().ByName("value")
	}
	return fd
}

// scalarOf parses the value of a key.
func scalarOf(fd protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BoolKind:
		if text == "true" || text == "false" {
			return protoreflect.ValueOfBool(text == "true"), nil
		}
	case protoreflect.EnumKind:
		v := fd.Enum().Values().ByName(protoreflect.Name(text))
		if v == nil {
			return protoreflect.Value{}, fmt.Errorf("%q is not a value of %s%s", typedconfig.Shortened(text), fd.TextName(), typedconfig.DidYouMean(text, valuesOf(fd.Enum())))
		}
		return protoreflect.ValueOfEnum(v.Number()), nil
	default:
		if v, ok := numberOf(fd.Kind(), text); ok {
			return v, nil
		}
	}
	return protoreflect.Value{}, fmt.Errorf("%q is not a value of %s, which is of type %s", typedconfig.Shortened(text), fd.TextName(), fd.Kind())
}

func numberOf(kind protoreflect.Kind, text string) (protoreflect.Value, bool) {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), err == nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), err == nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), err == nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n), err == nil
	}
	return protoreflect.Value{}, false
}

// canonical returns the unique text of a value of [scalarOf], so that keys can be compared.
func canonical(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if fd.Kind() == protoreflect.EnumKind {
		if known := fd.Enum().Values().ByNumber(v.Enum()); known != nil {
			return string(known.Name())
		}
	}
	return v.String()
}

func valuesOf(of protoreflect.EnumDescriptor) (names []string) {
	for i := range of.Values().Len() {
		names = append(names, string(of.Values().Get(i).Name()))
	}
	return names
}

// wrapped returns a wrapper with a value.
func wrapped(of protoreflect.MessageDescriptor, v protoreflect.Value) (protoreflect.Message, error) {
	m := dynamicpb.NewMessage(of)
	m.Set(of.Fields().ByName("value"), v)
	return m, nil
}

var (
	durationType  = reflect.TypeFor[*durationpb.Duration]()
	timestampType = reflect.TypeFor[*timestamppb.Timestamp]()
)
