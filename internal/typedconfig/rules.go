package typedconfig

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/envoyproxy/protoc-gen-validate/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// rulesOf checks the validation rules in Envoy's API for a message and all messages in it. Envoy
// generates code from these rules; this function reads the annotations themselves, so that it can
// also check messages without Go code.
// https://github.com/bufbuild/protoc-gen-validate/blob/v1.2.1/README.md
func rulesOf(m protoreflect.Message, at *field.Path) (errs field.ErrorList) {
	options := m.Descriptor().Options()
	if option(options, validate.E_Disabled) || option(options, validate.E_Ignored) {
		return nil
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if len(errs) >= maxFaults {
			return errs
		}
		errs = append(errs, fieldRules(m, fields.Get(i), at)...)
	}
	oneofs := m.Descriptor().Oneofs()
	for i := range oneofs.Len() {
		o := oneofs.Get(i)
		if option(o.Options(), validate.E_Required) && m.WhichOneof(o) == nil {
			errs = append(errs, field.Required(at, "set one of "+strings.Join(membersOf(o), ", ")))
		}
	}
	return errs
}

func option(of proto.Message, extension protoreflect.ExtensionType) bool {
	set, _ := proto.GetExtension(of, extension).(bool)
	return set
}

func membersOf(o protoreflect.OneofDescriptor) (names []string) {
	for i := range o.Fields().Len() {
		names = append(names, o.Fields().Get(i).TextName())
	}
	return names
}

// fieldRules checks one field. An unset field is checked as its zero value, unless the field has presence.
func fieldRules(m protoreflect.Message, fd protoreflect.FieldDescriptor, at *field.Path) field.ErrorList {
	at = at.Child(fd.TextName())
	rules := rulesFor(fd)
	if !m.Has(fd) {
		switch {
		case isRequired(rules) && fd.ContainingOneof() == nil:
			return field.ErrorList{field.Required(at, "")}
		case fd.HasPresence() || fd.IsList() && rules.GetRepeated() == nil || fd.IsMap() && rules.GetMap() == nil:
			return nil
		}
	}
	return contentRules(m, fd, at)
}

func rulesFor(fd protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Rules).(*validate.FieldRules)
	return rules
}

// contentRules checks the content of a field that is set.
func contentRules(m protoreflect.Message, fd protoreflect.FieldDescriptor, at *field.Path) field.ErrorList {
	rules := rulesFor(fd)
	switch {
	case fd.IsList():
		return listRules(m.Get(fd).List(), fd, rules.GetRepeated(), at)
	case fd.IsMap():
		return mapRules(m.Get(fd).Map(), fd, rules.GetMap(), at)
	default:
		return valueRules(m.Get(fd), fd, rules, at)
	}
}

func isRequired(r *validate.FieldRules) bool {
	return r.GetMessage().GetRequired() || r.GetAny().GetRequired() || r.GetDuration().GetRequired() || r.GetTimestamp().GetRequired()
}

func listRules(list protoreflect.List, fd protoreflect.FieldDescriptor, r *validate.RepeatedRules, at *field.Path) (errs field.ErrorList) {
	n := uint64(list.Len())
	if r.GetIgnoreEmpty() && n == 0 {
		return nil
	}
	if r != nil && (n < r.GetMinItems() || r.MaxItems != nil && n > r.GetMaxItems()) {
		return field.ErrorList{field.Invalid(at, n, "has this many items; "+limits(r.MinItems, r.MaxItems)+" are valid")}
	}
	seen := map[any]bool{}
	for i := range list.Len() {
		if len(errs) >= maxFaults {
			return errs
		}
		if key := list.Get(i).Interface(); r.GetUnique() && fd.Message() == nil && fd.Kind() != protoreflect.BytesKind {
			if seen[key] {
				errs = append(errs, field.Duplicate(at.Index(i), shortened(fmt.Sprint(key))))
			}
			seen[key] = true
		}
		errs = append(errs, valueRules(list.Get(i), fd, r.GetItems(), at.Index(i))...)
	}
	return errs
}

func mapRules(m protoreflect.Map, fd protoreflect.FieldDescriptor, r *validate.MapRules, at *field.Path) (errs field.ErrorList) {
	n := uint64(m.Len())
	if r.GetIgnoreEmpty() && n == 0 {
		return nil
	}
	if r != nil && (n < r.GetMinPairs() || r.MaxPairs != nil && n > r.GetMaxPairs()) {
		return field.ErrorList{field.Invalid(at, n, "has this many entries; "+limits(r.MinPairs, r.MaxPairs)+" are valid")}
	}
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool { keys = append(keys, k); return true })
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	for _, k := range keys {
		if len(errs) >= maxFaults {
			return errs
		}
		at := at.Key(shortened(k.String()))
		errs = append(errs, valueRules(k.Value(), fd.MapKey(), r.GetKeys(), at)...)
		errs = append(errs, valueRules(m.Get(k), fd.MapValue(), r.GetValues(), at)...)
	}
	return errs
}

func limits(least, most *uint64) string {
	switch {
	case most == nil:
		return fmt.Sprintf("at least %d", *least)
	case least == nil:
		return fmt.Sprintf("at most %d", *most)
	}
	return fmt.Sprintf("%d to %d", *least, *most)
}

// valueRules checks one value, including its content.
func valueRules(v protoreflect.Value, fd protoreflect.FieldDescriptor, r *validate.FieldRules, at *field.Path) field.ErrorList {
	if fd.Message() != nil {
		return messageRules(v.Message(), r, at)
	}
	if fault := scalarFault(v, fd, r); fault != "" {
		return field.ErrorList{field.Invalid(at, quoted(v), fault)}
	}
	return nil
}

func quoted(v protoreflect.Value) any {
	switch x := v.Interface().(type) {
	case string:
		return shortened(x)
	case []byte:
		return field.OmitValueType{}
	case protoreflect.EnumNumber:
		return int32(x)
	default:
		return x
	}
}

func messageRules(m protoreflect.Message, r *validate.FieldRules, at *field.Path) field.ErrorList {
	of := m.Descriptor()
	switch {
	case r.GetMessage().GetSkip(), r.GetAny() != nil && of.FullName() != anyName: // Envoy's code does not check the content of the latter either
		return nil
	case of.FullName() == anyName:
		return anyRules(m, r.GetAny(), at)
	case of.FullName() == "google.protobuf.Duration" || of.FullName() == "google.protobuf.Timestamp":
		if fault := timeFault(m, r); fault != "" {
			return field.ErrorList{field.Invalid(at, field.OmitValueType{}, fault)}
		}
		return nil
	case isWrapper(of):
		fd := of.Fields().ByName("value")
		return valueRules(m.Get(fd), fd, r, at)
	case isWellKnown(of):
		return nil
	}
	return rulesOf(m, at)
}

func isWrapper(of protoreflect.MessageDescriptor) bool {
	return of.FullName().Parent() == "google.protobuf" && strings.HasSuffix(string(of.Name()), "Value") && of.Fields().Len() == 1 && of.Fields().ByName("value") != nil
}

// anyRules checks the message in an Any.
func anyRules(m protoreflect.Message, r *validate.AnyRules, at *field.Path) field.ErrorList {
	a := &anypb.Any{}
	raw, err := proto.Marshal(m.Interface())
	if err == nil {
		err = proto.Unmarshal(raw, a)
	}
	if err != nil {
		return field.ErrorList{field.InternalError(at, err)}
	}
	if len(r.GetIn()) > 0 && !slices.Contains(r.GetIn(), a.GetTypeUrl()) || slices.Contains(r.GetNotIn(), a.GetTypeUrl()) {
		return field.ErrorList{field.Invalid(at, shortened(a.GetTypeUrl()), "is not a message that this field accepts")}
	}
	if a.GetTypeUrl() == "" {
		return nil
	}
	inside, err := anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: types})
	if err != nil {
		return field.ErrorList{field.Invalid(at, shortened(a.GetTypeUrl()), shortened(err.Error()))}
	}
	return messageRules(inside.ProtoReflect(), nil, at)
}

// Validate checks a message against the validation rules in Envoy's API. Messages in an Any are
// only checked in the given fields: others were there before the edit. A message with Go code is
// first checked by its Validate method, which takes a fraction of the time.
func Validate(m proto.Message, fields []protoreflect.FieldDescriptor) error {
	generated, ok := m.(interface{ Validate() error })
	if !ok {
		return rulesOf(m.ProtoReflect(), nil).ToAggregate()
	}
	if err := generated.Validate(); err != nil {
		return cmp.Or[error](rulesOf(m.ProtoReflect(), nil).ToAggregate(), err)
	}
	var errs field.ErrorList
	for _, fd := range fields {
		errs = append(errs, fieldRules(m.ProtoReflect(), fd, nil)...)
	}
	return errs.ToAggregate()
}
