// Package typedconfigtest makes values for fields of messages, for tests that fill messages at random.
//
// It must not be used outside of tests.
package typedconfigtest

import "google.golang.org/protobuf/reflect/protoreflect"

// Number returns a number as the value of a field that is neither an enum nor text: for a
// floating-point field a tenth of it, for a bool whether it is even.
func Number(of protoreflect.Kind, n int64) protoreflect.Value {
	switch of {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n%2 == 0)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n) / 10)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n) / 10)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(n)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	default:
		return protoreflect.ValueOfUint64(uint64(n))
	}
}
