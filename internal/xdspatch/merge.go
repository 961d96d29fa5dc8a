package xdspatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
)

// Limits of a merge.
const (
	maxFaults = 10
	maxWrites = 256
	maxDepth  = 24
)

const typeKey = "@type"

// merge splits the JSON of a merge into one write for each leaf.
type merge struct {
	ops  []op
	errs field.ErrorList
}

// decode decodes JSON and preserves the notation of numbers.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

func compileMerge(of protoreflect.MessageDescriptor, raw []byte, at *field.Path) ([]op, field.ErrorList) {
	var members map[string]any
	if err := decode(raw, &members); err != nil || len(members) == 0 {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be an object with fields of "+string(of.Name()))}
	}
	c := &merge{}
	c.object(of, members, nil, at, 0)
	if len(c.ops) > maxWrites {
		c.errs = append(c.errs, field.TooMany(at, len(c.ops), maxWrites))
	}
	return c.ops, c.errs
}

func (c *merge) add(err *field.Error) { c.errs = append(c.errs, err) }

// object merges the members of an object into the message at the path.
func (c *merge) object(of protoreflect.MessageDescriptor, members map[string]any, in Path, at *field.Path, depth int) {
	if depth > maxDepth {
		c.add(field.Invalid(at, field.OmitValueType{}, fmt.Sprintf("is nested more than %d levels deep", maxDepth)))
		return
	}
	seen := map[protoreflect.FullName]string{}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if len(c.errs) >= maxFaults || len(c.ops) > maxWrites {
			return
		}
		fd, fault := typedconfig.FieldOf(of, name)
		if fault != "" {
			c.add(field.Invalid(at, typedconfig.Shortened(name), fault))
			continue
		}
		slot := fd.FullName()
		if oneof := fd.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			slot = oneof.FullName()
		}
		if other := seen[slot]; other != "" {
			c.add(field.Invalid(at.Child(name), field.OmitValueType{}, "is set in addition to "+other+", but the message can only have one of them"))
			continue
		}
		seen[slot] = name
		c.member(fd, members[name], in, at.Child(name), depth)
	}
}

func (c *merge) member(fd protoreflect.FieldDescriptor, v any, in Path, at *field.Path, depth int) {
	switch {
	case v == nil:
		c.add(field.Invalid(at, "null", "to remove a field, use remove"))
	case fd.IsList():
		c.add(field.Invalid(at, field.OmitValueType{}, "is a list, which merge does not change: use list"))
	case fd.IsMap():
		c.entries(fd, v, in, at, depth)
	default:
		c.single(step{fd: fd}, fd, v, in, at, depth)
	}
}

func (c *merge) entries(fd protoreflect.FieldDescriptor, v any, in Path, at *field.Path, depth int) {
	members, ok := v.(map[string]any)
	if !ok {
		c.add(field.Invalid(at, field.OmitValueType{}, "must be an object"))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := at.Key(plain(name))
		k, err := scalarOf(fd.MapKey(), name)
		switch {
		case len(c.errs) >= maxFaults || len(c.ops) > maxWrites:
			return
		case err != nil:
			c.add(field.Invalid(at, field.OmitValueType{}, err.Error()))
		case members[name] == nil:
			c.add(field.Invalid(at, "null", "to remove an entry, use remove"))
		default:
			c.single(step{fd: fd, key: &key{value: k, text: canonical(fd.MapKey(), k)}}, fd.MapValue(), members[name], in, at, depth)
		}
	}
}

// single merges one value: an object into a message, any other value as a whole.
func (c *merge) single(s step, fd protoreflect.FieldDescriptor, v any, in Path, at *field.Path, depth int) {
	of := fd.Message()
	members, isObject := v.(map[string]any)
	switch {
	case of != nil && of.FullName() == anyName && isObject:
		t, err := typedconfig.MessageType(members, at)
		if err != nil {
			c.add(err)
			return
		}
		if typedconfig.IsWellKnown(t.Descriptor()) {
			c.whole(s, fd, v, in, at)
			return
		}
		s.as = t
		rest := maps.Clone(members)
		delete(rest, typeKey)
		c.inside(t.Descriptor(), s, rest, in, at, depth)
	case of != nil && !typedconfig.IsWellKnown(of) && isObject:
		c.inside(of, s, members, in, at, depth)
	default:
		c.whole(s, fd, v, in, at)
	}
}

func (c *merge) inside(of protoreflect.MessageDescriptor, s step, members map[string]any, in Path, at *field.Path, depth int) {
	if len(members) == 0 {
		c.ops = append(c.ops, op{path: in.with(s), create: true, do: present, merged: true})
		return
	}
	c.object(of, members, in.with(s), at, depth+1)
}

// whole writes a value that has no fields to merge.
func (c *merge) whole(s step, fd protoreflect.FieldDescriptor, v any, in Path, at *field.Path) {
	content, from := v, s.fd
	if s.key != nil {
		content = map[string]any{s.key.text: v}
	}
	read, errs := typedconfig.ReadField(from, content, at)
	if len(errs) > 0 {
		if s.key != nil {
			errs = moved(errs, at.Key(typedconfig.Shortened(s.key.text)), at)
		}
		c.errs = append(c.errs, errs...)
		return
	}
	if s.key != nil {
		read = read.Map().Get(s.key.value.MapKey())
	}
	out, err := single(read)
	if err != nil {
		c.add(field.InternalError(at, err))
		return
	}
	c.ops = append(c.ops, op{path: in.with(s), create: true, constant: out, do: value.put, merged: true, written: read})
}

// moved changes the prefix of the errors' fields.
func moved(errs field.ErrorList, from, to *field.Path) field.ErrorList {
	for _, e := range errs {
		e.Field = to.String() + strings.TrimPrefix(e.Field, from.String())
	}
	return errs
}

// present creates a missing message without fields.
func present(_ value, m protoreflect.Message, s step) error {
	return s.each(m, true, func(inner protoreflect.Message) error {
		if s.as == nil {
			return nil
		}
		return s.unpacked(inner, true, func(protoreflect.Message) error { return nil })
	})
}
