package xdspatch

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

func invalid(at *field.Path, text, fault string) field.ErrorList {
	return field.ErrorList{field.Invalid(at, typedconfig.Shortened(text), fault)}
}

// pathOf parses the path of a verb, which must end with a field or a key.
func pathOf(of protoreflect.MessageDescriptor, text string, at *field.Path) (Path, field.ErrorList) {
	p, err := parse(of, text, false)
	if err == nil && p.last().as != nil {
		err = fmt.Errorf("must continue after [@type=…] with a field of the message")
	}
	if err != nil {
		return nil, invalid(at, text, err.Error())
	}
	return p, nil
}

func compileSet(of protoreflect.MessageDescriptor, set *v1alpha1.XDSSet, at *field.Path) ([]op, field.ErrorList) {
	p, errs := pathOf(of, set.Path, at.Child("path"))
	if len(errs) > 0 {
		return nil, errs
	}
	switch last := p.last(); {
	case last.fd.IsList() && last.key != nil:
		return nil, invalid(at.Child("path"), set.Path, "is an element of a list: add a field of it to the path, or use list")
	case setsKey(p):
		return nil, invalid(at.Child("path"), set.Path, "is the key that selects the element, which must not change")
	}
	computed, err := compileValue(of, set.Expression, p.last(), at.Child("expression"))
	if err != nil {
		return nil, field.ErrorList{err}
	}
	return []op{{path: p, create: true, computed: computed, do: value.put}}, nil
}

// setsKey reports whether a path ends with a field that is the key of one of its steps: after the
// write, the patch would not find the element again.
func setsKey(p Path) bool {
	for i, s := range p {
		if s.key == nil || s.key.fields == nil || s.as != nil {
			continue
		}
		rest, key := p[i+1:], s.key.fields
		for n := 0; n < len(rest) && n < len(key) && (rest[n].fd == key[n] || sameOneof(rest[n].fd, key[n])); n++ {
			if n == len(rest)-1 {
				return true
			}
		}
	}
	return false
}

func compileRemove(of protoreflect.MessageDescriptor, text string, at *field.Path) ([]op, field.ErrorList) {
	p, errs := pathOf(of, text, at)
	if len(errs) > 0 {
		return nil, errs
	}
	if setsKey(p) {
		return nil, invalid(at, text, "is the key that selects the element, which must not change")
	}
	return []op{removal(p)}, nil
}

func removal(p Path) op {
	return op{path: p, do: func(_ value, m protoreflect.Message, s step) error { return clear(m, s) }}
}

func compileList(of protoreflect.MessageDescriptor, l *v1alpha1.XDSList, at *field.Path) ([]op, field.ErrorList) {
	p, errs := pathOf(of, l.Path, at.Child("path"))
	if len(errs) > 0 {
		return nil, errs
	}
	last := p.last()
	verbs := 0
	for _, is := range []bool{len(l.Append) > 0, l.Replace != nil, l.Remove} {
		if is {
			verbs++
		}
	}
	switch {
	case verbs != 1:
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "set one of append, replace and remove")}
	case !last.fd.IsList():
		return nil, invalid(at.Child("path"), l.Path, "is not a list")
	case len(l.Append) > 0 && last.key != nil:
		return nil, invalid(at.Child("path"), l.Path, "must be the list itself, without a key, to append to it")
	case len(l.Append) > 0:
		return compileAppend(p, l.Append, at.Child("append"))
	case l.Replace != nil:
		return compileReplace(p, l.Replace.Raw, at.Child("replace"))
	case last.key == nil:
		return nil, invalid(at.Child("path"), l.Path, "needs a key to remove elements; to remove the whole list, use remove")
	}
	return []op{removal(p)}, nil
}

// readElements reads elements of a list.
func readElements(p Path, elements []any, at *field.Path) (protoreflect.Value, value, field.ErrorList) {
	for i, e := range elements {
		if e == nil {
			return protoreflect.Value{}, value{}, field.ErrorList{field.Invalid(at.Index(i), "null", "must be an element")}
		}
	}
	read, errs := typedconfig.ReadField(p.last().fd, elements, at)
	if len(errs) > 0 {
		return read, value{}, errs
	}
	v, err := valueOf(p.last().fd, read)
	if err != nil {
		return read, v, field.ErrorList{field.InternalError(at, err)}
	}
	return read, v, nil
}

func compileAppend(p Path, raw []v1alpha1.XDSValue, at *field.Path) ([]op, field.ErrorList) {
	elements := make([]any, len(raw))
	for i, r := range raw {
		if err := decode(r.Raw, &elements[i]); err != nil {
			return nil, field.ErrorList{field.Invalid(at.Index(i), field.OmitValueType{}, "must be JSON")}
		}
	}
	read, v, errs := readElements(p, elements, at)
	if len(errs) > 0 {
		return nil, errs
	}
	return []op{{path: p, create: true, constant: v, written: read, merged: true, do: func(v value, m protoreflect.Message, s step) error {
		return v.appendTo(m, s.fd, true)
	}}}, nil
}

func compileReplace(p Path, raw []byte, at *field.Path) ([]op, field.ErrorList) {
	var content any
	if err := decode(raw, &content); err != nil {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be JSON")}
	}
	if p.last().key != nil {
		return replaceElements(p, content, at)
	}
	elements, ok := content.([]any)
	if !ok {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must be a list")}
	}
	read, v, errs := readElements(p, elements, at)
	if len(errs) > 0 {
		return nil, errs
	}
	return []op{{path: p, create: true, constant: v, written: read, do: value.put}}, nil
}

func replaceElements(p Path, content any, at *field.Path) ([]op, field.ErrorList) {
	read, v, errs := readElements(p, []any{content}, at)
	if len(errs) > 0 {
		return nil, moved(errs, at.Index(0), at)
	}
	if !p.last().key.selects(read.List().Get(0)) {
		return nil, field.ErrorList{field.Invalid(at, field.OmitValueType{}, "must have the key "+typedconfig.Shortened(p.last().key.String())+" of the element that it replaces")}
	}
	return []op{{path: p, create: true, constant: v.list[0], written: read, do: value.replace}}, nil
}
