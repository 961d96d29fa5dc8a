package main

import (
	"go/types"
	"slices"
)

// reach finds unexported types of the package that a type refers to.
func (l *lister) reach(t types.Type) {
	switch t := t.(type) {
	case *types.Alias:
		l.reachName(t.Obj(), t.TypeArgs())
	case *types.Named:
		l.reachName(t.Obj(), t.TypeArgs())
	case *types.Map:
		l.reach(t.Key())
		l.reach(t.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays and channels
		l.reach(t.Elem())
	case *types.Tuple:
		for v := range t.Variables() {
			l.reach(v.Type())
		}
	case *types.Signature:
		l.reach(t.Params())
		l.reach(t.Results())
		for p := range t.TypeParams().TypeParams() {
			l.reach(p.Constraint())
		}
	case *types.Struct:
		for f := range t.Fields() {
			l.reach(f.Type())
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			l.reach(m.Type())
		}
		for e := range t.EmbeddedTypes() {
			l.reach(e)
		}
	case *types.Union:
		for term := range t.Terms() {
			l.reach(term.Type())
		}
	}
}

func (l *lister) reachName(name *types.TypeName, args *types.TypeList) {
	if name.Pkg() == l.pkg && !name.Exported() && !slices.Contains(l.reached, name) {
		l.reached = append(l.reached, name)
	}
	for arg := range args.Types() {
		l.reach(arg)
	}
}
