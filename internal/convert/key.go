package convert

import (
	"regexp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/internal/typedconfig"
)

// preferred are the fields that usually identify elements of lists, the best ones first.
var preferred = []protoreflect.Name{"name", "key", "upgrade_type", "header_name", "domain", "type", "priority"}

// keys returns the path keys that select one element of a list and no other.
func keys(list protoreflect.List, of protoreflect.FieldDescriptor, i int) (out []string) {
	if i < 0 || i >= list.Len() {
		return nil
	}
	if of.Message() == nil || typedconfig.IsWellKnown(of.Message()) {
		if text, ok := scalarText(of, list.Get(i)); ok && isAlone(list, i, func(v protoreflect.Value) (string, bool) { return scalarText(of, v) }) {
			return []string{"[" + quoted(text, true) + "]"}
		}
		return nil
	}
	for _, path := range keyPaths(of.Message(), 2) {
		read := func(v protoreflect.Value) (string, bool) { return keyText(v.Message(), path) }
		text, ok := read(list.Get(i))
		if !ok || !isAlone(list, i, read) {
			continue
		}
		name := ""
		for n, fd := range path {
			if n > 0 {
				name += "."
			}
			name += fd.TextName()
		}
		out = append(out, "["+name+"="+quoted(text, false)+"]")
	}
	return out
}

// isAlone reports whether no other element has the same key.
func isAlone(list protoreflect.List, i int, read func(protoreflect.Value) (string, bool)) bool {
	text, _ := read(list.Get(i))
	for n := range list.Len() {
		if other, ok := read(list.Get(n)); n != i && ok && other == text {
			return false
		}
	}
	return true
}

// keyPaths returns the scalar fields of a message, followed by those of nested messages.
func keyPaths(of protoreflect.MessageDescriptor, depth int) (out [][]protoreflect.FieldDescriptor) {
	var inner [][]protoreflect.FieldDescriptor
	for i := range of.Fields().Len() {
		fd := of.Fields().Get(i)
		switch {
		case fd.IsList() || fd.IsMap() || typedconfig.IsProhibited(fd) || redact.IsSensitive(fd):
		case fd.Message() != nil && depth > 1 && !typedconfig.IsWellKnown(fd.Message()):
			for _, p := range keyPaths(fd.Message(), depth-1) {
				inner = append(inner, append([]protoreflect.FieldDescriptor{fd}, p...))
			}
		case fd.Kind() == protoreflect.StringKind, fd.Kind() == protoreflect.EnumKind, isInteger(fd.Kind()):
			out = append(out, []protoreflect.FieldDescriptor{fd})
		}
	}
	slices.SortStableFunc(out, func(a, b []protoreflect.FieldDescriptor) int { return rank(a[0]) - rank(b[0]) })
	return append(out, inner...)
}

func rank(fd protoreflect.FieldDescriptor) int {
	if i := slices.Index(preferred, fd.Name()); i >= 0 {
		return i
	}
	return len(preferred)
}

func isInteger(k protoreflect.Kind) bool {
	return slices.Contains([]protoreflect.Kind{
		protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.Sint32Kind, protoreflect.Sint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind,
	}, k)
}

func keyText(m protoreflect.Message, path []protoreflect.FieldDescriptor) (string, bool) {
	for _, fd := range path[:len(path)-1] {
		if !m.Has(fd) {
			return "", false
		}
		m = m.Get(fd).Message()
	}
	fd := path[len(path)-1]
	if fd.HasPresence() && !m.Has(fd) {
		return "", false
	}
	return scalarText(fd, m.Get(fd))
}

func scalarText(fd protoreflect.FieldDescriptor, v protoreflect.Value) (string, bool) {
	switch {
	case fd.Kind() == protoreflect.EnumKind:
		known := fd.Enum().Values().ByNumber(v.Enum())
		if known == nil {
			return "", false
		}
		return string(known.Name()), true
	case fd.Kind() == protoreflect.StringKind:
		return v.String(), v.String() != ""
	case isInteger(fd.Kind()):
		return v.String(), true
	}
	return "", false
}

var isBare = regexp.MustCompile(`^[A-Za-z0-9_./:-]+$`).MatchString

func quoted(text string, always bool) string {
	if !always && isBare(text) {
		return text
	}
	return strconv.Quote(text)
}
