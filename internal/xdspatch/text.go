package xdspatch

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxText is the longest text that a function may return.
const maxText = 64 << 10

// stringFunctions are the functions of cel-go's strings extension that configuration needs. They
// check the size of a result before they make it: the library counts the cost of a function only
// after it has run.
// https://pkg.go.dev/cel.dev/cel-go/ext#Strings
func stringFunctions() []cel.EnvOption {
	text := func(name string, do func(string) string) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("string_"+name, []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(func(s ref.Val) ref.Val {
			return types.String(do(string(s.(types.String))))
		})))
	}
	return []cel.EnvOption{
		text("lowerAscii", func(s string) string { return mapASCII(s, 'A', 'Z', 'a'-'A') }),
		text("upperAscii", func(s string) string { return mapASCII(s, 'a', 'z', 'A'-'a') }),
		text("trim", strings.TrimSpace),
		cel.Function("replace", cel.MemberOverload("string_replace", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.StringType, cel.FunctionBinding(replace))),
		cel.Function("split", cel.MemberOverload("string_split", []*cel.Type{cel.StringType, cel.StringType}, cel.ListType(cel.StringType), cel.BinaryBinding(split))),
		cel.Function("join", cel.MemberOverload("list_join", []*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType, cel.BinaryBinding(join))),
	}
}

func mapASCII(s string, from, to byte, by int) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = byte(int(c) + by)
		}
	}
	return string(b)
}

// Errors of the functions.
const (
	longText    = "a text of more than 64 KiB"
	noSeparator = "split needs a separator"
)

func tooLong() ref.Val { return types.NewErrFromString(longText) }

func replace(args ...ref.Val) ref.Val {
	s, old, by := string(args[0].(types.String)), string(args[1].(types.String)), string(args[2].(types.String))
	if len(s)+strings.Count(s, old)*max(len(by)-len(old), 0) > maxText {
		return tooLong()
	}
	return types.String(strings.ReplaceAll(s, old, by))
}

func split(s, by ref.Val) ref.Val {
	text, separator := string(s.(types.String)), string(by.(types.String))
	switch {
	case separator == "":
		return types.NewErrFromString(noSeparator)
	case len(text) > maxText:
		return tooLong()
	}
	return types.DefaultTypeAdapter.NativeToValue(strings.Split(text, separator))
}

func join(list, by ref.Val) ref.Val {
	separator, size := string(by.(types.String)), 0
	var parts []string
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.MaybeNoSuchOverloadErr(list)
		}
		if size += len(s) + len(separator); size > maxText {
			return tooLong()
		}
		parts = append(parts, string(s))
	}
	return types.String(strings.Join(parts, separator))
}

// costs charges for the text that functions read and make, and for comparisons of large values.
type costs struct{}

// CallCost returns a tenth of the bytes for texts, as the library does for its own functions, and
// the number of scalars for comparisons.
func (costs) CallCost(function, _ string, args []ref.Val, result ref.Val) *uint64 {
	n := uint64(1)
	switch function {
	case "lowerAscii", "upperAscii", "trim", "replace", "split", "join":
		for _, v := range append(args[:len(args):len(args)], result) {
			switch v := v.(type) {
			case types.String:
				n += uint64(len(v) / 10)
			case traits.Sizer:
				if size, ok := v.Size().(types.Int); ok {
					n += uint64(size)
				}
			}
		}
		return &n
	case operators.Equals, operators.NotEquals, operators.In:
		for _, v := range args {
			switch v.(type) {
			case traits.Lister, traits.Mapper, traits.FieldTester:
				n += 10 * uint64(sizes.AggregateSize(v))
			}
		}
		if n > 1 {
			return &n
		}
	}
	return nil
}
