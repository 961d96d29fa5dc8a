package main

import (
	"bytes"
	"fmt"
	"go/format"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
)

// lister writes the exported API of a package as Go code without bodies.
type lister struct {
	pkg     *types.Package
	imports map[string]string // names by path
	out     strings.Builder
	// reached are the unexported types that exported ones refer to, in the order in which they were
	// found. Their exported methods and fields are part of the API.
	reached []*types.TypeName
}

// listing returns the exported API of a package.
func listing(pkg *types.Package) (string, error) {
	l := &lister{pkg: pkg, imports: map[string]string{}}
	l.declarations() // to collect the imports
	l.nameImports()
	l.out.Reset()
	l.reached = nil
	l.declarations()
	text := "// The exported API of " + pkg.Path() + ". Written by `make api`, not to be edited.\n\npackage " + pkg.Name() + "\n\n" + l.importLines() + l.out.String()
	formatted, err := format.Source([]byte(text))
	return string(formatted), err
}

// declarations writes constants, variables, functions and types, each in alphabetical order.
func (l *lister) declarations() {
	var constants, variables, functions []types.Object
	var typeNames []*types.TypeName
	scope := l.pkg.Scope()
	for _, name := range scope.Names() {
		switch obj := scope.Lookup(name).(type) {
		case *types.Const:
			constants = append(constants, obj)
		case *types.Var:
			variables = append(variables, obj)
		case *types.Func:
			functions = append(functions, obj)
		case *types.TypeName:
			if obj.Exported() {
				typeNames = append(typeNames, obj)
			}
		}
	}
	for _, list := range [][]types.Object{constants, variables, functions} {
		for _, obj := range list {
			if obj.Exported() {
				l.value(obj)
			}
		}
		l.line("\n")
	}
	for _, t := range typeNames {
		l.typeName(t)
	}
	for i := 0; i < len(l.reached); i++ { // the loop appends to it
		l.typeName(l.reached[i])
	}
}

// value writes a constant, variable or function.
func (l *lister) value(obj types.Object) {
	l.reach(obj.Type())
	switch obj := obj.(type) {
	case *types.Const:
		of := " " + l.text(obj.Type())
		if b, ok := obj.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
			of = ""
		}
		l.line("const %s%s = %s\n", obj.Name(), of, obj.Val().ExactString())
	case *types.Var:
		l.line("var %s %s\n", obj.Name(), l.text(obj.Type()))
	case *types.Func:
		l.line("func %s%s\n", obj.Name(), l.signature(obj))
	}
}

// typeName writes a type with its methods.
func (l *lister) typeName(t *types.TypeName) {
	if alias, ok := t.Type().(*types.Alias); ok {
		l.reach(alias.Rhs())
		l.line("type %s%s = %s\n\n", t.Name(), l.parameters(alias.TypeParams()), l.text(alias.Rhs()))
		return
	}
	named := t.Type().(*types.Named)
	l.line("type %s%s %s\n", t.Name(), l.parameters(named.TypeParams()), l.underlying(named.Underlying()))
	var methods []*types.Func
	for m := range named.Methods() {
		if m.Exported() {
			methods = append(methods, m)
		}
	}
	slices.SortFunc(methods, func(a, b *types.Func) int { return strings.Compare(a.Name(), b.Name()) })
	for _, m := range methods {
		l.reach(m.Type())
		l.line("func (%s) %s%s\n", l.receiver(m), m.Name(), l.signature(m))
	}
	l.line("\n")
}

// underlying writes the definition of a type: a struct or interface with one member on a line.
func (l *lister) underlying(t types.Type) string {
	var lines []string
	switch t := t.(type) {
	case *types.Struct:
		for _, f := range visible(t) {
			l.reach(f.Type())
			lines = append(lines, field(f, l.text(f.Type()))+tag(t, f))
		}
		if hidden := hiddenFields(t); hidden != "" {
			lines = append(lines, hidden)
		}
		return "struct {\n" + strings.Join(lines, "\n") + "\n}\n"
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			l.reach(m.Type())
			lines = append(lines, m.Name()+l.signature(m))
		}
		for e := range t.EmbeddedTypes() {
			l.reach(e)
			lines = append(lines, l.text(e))
		}
		return "interface {\n" + strings.Join(lines, "\n") + "\n}\n"
	default:
		l.reach(t)
		return l.text(t)
	}
}

// visible returns the fields that are part of the API: exported ones, and embedded ones, whose
// members are promoted.
func visible(t *types.Struct) (out []*types.Var) {
	for f := range t.Fields() {
		if f.Exported() || f.Embedded() {
			out = append(out, f)
		}
	}
	return out
}

// hiddenFields returns a placeholder for the other fields of a struct. Their existence, and whether
// values are comparable, are part of the API.
func hiddenFields(t *types.Struct) string {
	switch {
	case len(visible(t)) == t.NumFields():
		return ""
	case types.Comparable(t):
		return "_ struct{}"
	default:
		return "_ []struct{}"
	}
}

func field(f *types.Var, of string) string {
	if f.Embedded() {
		return of
	}
	return f.Name() + " " + of
}

// tag returns the tag of a field, with a space before it.
func tag(t *types.Struct, f *types.Var) string {
	for i := range t.NumFields() {
		if t.Field(i) == f && t.Tag(i) != "" {
			return fmt.Sprintf(" %q", t.Tag(i))
		}
	}
	return ""
}

func (l *lister) receiver(m *types.Func) string {
	sig := m.Type().(*types.Signature)
	t, star := sig.Recv().Type(), ""
	if p, ok := t.(*types.Pointer); ok {
		t, star = p.Elem(), "*"
	}
	return star + l.text(t)
}

func (l *lister) signature(f *types.Func) string {
	var out bytes.Buffer
	types.WriteSignature(&out, f.Type().(*types.Signature), l.qualify)
	return out.String()
}

func (l *lister) parameters(list *types.TypeParamList) string {
	var out []string
	for p := range list.TypeParams() {
		l.reach(p.Constraint())
		out = append(out, p.Obj().Name()+" "+l.text(p.Constraint()))
	}
	if out == nil {
		return ""
	}
	return "[" + strings.Join(out, ", ") + "]"
}

func (l *lister) text(t types.Type) string { return types.TypeString(t, l.qualify) }

func (l *lister) line(format string, args ...any) { fmt.Fprintf(&l.out, format, args...) }

// qualify returns the name of a package in the code.
func (l *lister) qualify(p *types.Package) string {
	if p == l.pkg {
		return ""
	}
	if l.imports[p.Path()] == "" {
		l.imports[p.Path()] = p.Name()
	}
	return l.imports[p.Path()]
}

// nameImports gives packages of the same name different ones.
func (l *lister) nameImports() {
	taken := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(l.imports)) {
		name := l.imports[path]
		for i := 2; taken[name] || token.IsKeyword(name) || l.pkg.Scope().Lookup(name) != nil; i++ {
			name = fmt.Sprint(l.imports[path], i)
		}
		taken[name] = true
		l.imports[path] = name
	}
}

func (l *lister) importLines() string {
	var out strings.Builder
	for _, path := range slices.Sorted(maps.Keys(l.imports)) {
		fmt.Fprintf(&out, "import %s %q\n", l.imports[path], path)
	}
	return out.String() + "\n"
}
