package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/exp/apidiff"
)

// changes returns the differences between a record and the API.
func (m *module) changes(r record) ([]apidiff.Change, error) {
	switch {
	case r.old == "":
		return []apidiff.Change{{Message: "package added", Compatible: true}}, nil
	case r.now == "":
		return []apidiff.Change{{Message: "package removed"}}, nil
	}
	path := m.path + "/" + r.pkg
	old, _, err := m.typecheck(path, r.old) // identifiers that it refers to may have been removed: that is a change
	if err != nil {
		return nil, err
	}
	now, errs, err := m.typecheck(path, r.now)
	if err != nil {
		return nil, err
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("the record of %s is not Go code: %w", r.pkg, errs[0])
	}
	changes := apidiff.Changes(old, now).Changes
	if len(changes) == 0 {
		changes = []apidiff.Change{{Message: "struct tags, names of parameters, or how the record is written", Compatible: true}}
	}
	slices.SortFunc(changes, func(a, b apidiff.Change) int { return strings.Compare(a.Message, b.Message) })
	return changes, nil
}

// typecheck returns the package that a record declares, and its type errors.
func (m *module) typecheck(path, text string) (*types.Package, []error, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, text, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("read record: %w", err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			f.Body = &ast.BlockStmt{} // generic functions need one
		}
	}
	var errs []error
	cfg := types.Config{Importer: m, IgnoreFuncBodies: true, Error: func(err error) { errs = append(errs, err) }}
	pkg, _ := cfg.Check(path, fset, []*ast.File{file}, nil) // its error is the first of errs
	return pkg, errs, nil
}

// describe lists changes for readers, incompatible ones first.
func (r record) describe(changes []apidiff.Change) string {
	var out strings.Builder
	for _, compatible := range []bool{false, true} {
		for _, c := range changes {
			if c.Compatible == compatible {
				fmt.Fprintf(&out, "%s: %s: %s\n", map[bool]string{false: "incompatible", true: "compatible"}[compatible], r.pkg, c.Message)
			}
		}
	}
	return out.String()
}

// missing returns the lines that the changelog lacks: incompatible changes that it does not list
// under Unreleased. Before the first release nothing is promised, so no change must be listed.
func missing(changelog, pkg string, changes []apidiff.Change) (lines []string) {
	_, rest, _ := strings.Cut(changelog, "\n## [Unreleased]\n")
	unreleased, _, released := strings.Cut(rest, "\n## ")
	if !released {
		return nil
	}
	listed := strings.ReplaceAll(unreleased, "`", "")
	for _, c := range changes {
		if line := "- " + pkg + ": " + c.Message; !c.Compatible && !strings.Contains(listed+"\n", line+"\n") {
			lines = append(lines, line)
		}
	}
	return lines
}
