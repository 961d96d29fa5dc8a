package architecture

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// directions reports imports that mayImport does not allow.
func directions(files []file) (broken []string) {
	unlisted := map[string]bool{}
	for _, f := range files {
		allowed, listed := importsAllowed(f.pkg)
		if !listed {
			unlisted[f.pkg] = true
		}
		if !listed || f.test {
			continue
		}
		for _, p := range f.siblings() {
			if p != f.pkg && !matches(allowed, p) {
				broken = append(broken, fmt.Sprintf("%s imports %s, which mayImport does not list for %s", f.path, p, f.pkg))
			}
		}
	}
	for pkg := range unlisted {
		broken = append(broken, pkg+" has no line in mayImport")
	}
	return broken
}

// importsAllowed returns the line of mayImport for a package: its own, or the first pattern that
// matches it.
func importsAllowed(pkg string) (allowed []string, listed bool) {
	for _, line := range mayImport {
		if line.pkg == pkg {
			return line.imports, true
		}
	}
	for _, line := range mayImport {
		if matches([]string{line.pkg}, pkg) {
			return line.imports, true
		}
	}
	return nil, false
}

// siblings returns the packages of this module that the file imports.
func (f *file) siblings() (pkgs []string) {
	for _, i := range f.imports {
		if p, ours := strings.CutPrefix(i.path, module+"/"); ours {
			pkgs = append(pkgs, p)
		}
	}
	return pkgs
}

// banned reports violations of the bans.
func banned(files []file) (broken []string) {
	for _, b := range bans {
		held := b.packages(files)
		for _, f := range files {
			if by, ok := held[f.pkg]; ok && (b.tests || !f.test) {
				for _, what := range b.findings(f) {
					broken = append(broken, fmt.Sprintf("%s %s%s: %s", f.path, what, by, b.reason))
				}
			}
		}
	}
	return broken
}

// packages returns the packages to which the ban applies. The value is the reason for packages that
// the ban reaches only through an import.
func (b *ban) packages(files []file) map[string]string {
	held := map[string]string{}
	for _, f := range files {
		if matches(b.in, f.pkg) && !matches(b.except, f.pkg) {
			held[f.pkg] = ""
		}
	}
	for queue := slices.Sorted(maps.Keys(held)); b.reach && len(queue) > 0; queue = queue[1:] {
		for _, f := range files {
			if f.pkg != queue[0] || f.test {
				continue
			}
			for _, p := range f.siblings() {
				if _, ok := held[p]; !ok {
					held[p] = fmt.Sprintf(" (and %s imports it)", f.pkg)
					queue = append(queue, p)
				}
			}
		}
	}
	return held
}

// findings returns the violations of the ban in a file.
func (b *ban) findings(f file) (found []string) {
	for _, i := range f.imports {
		if matches(b.imports, i.path) && !matches(b.allow, i.path) {
			found = append(found, "imports "+i.path)
		}
		if names := b.uses[i.path]; names != nil && i.name == "." {
			found = append(found, "imports "+i.path+" by a dot")
		} else if names != nil {
			found = append(found, uses(f.ast, i, names)...)
		}
	}
	return found
}

// uses finds the functions of an import that a file uses, called or not.
func uses(tree *ast.File, i imported, names []string) (found []string) {
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(names, s.Sel.Name) {
			// The parser resolves identifiers that the file declares, but not imports.
			if x, ok := s.X.(*ast.Ident); ok && x.Name == i.name && x.Obj == nil {
				found = append(found, "uses "+i.path+"."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}

// uncommented reports packages without a package comment. A package that contains only tests has
// its comment in a test file.
func uncommented(files []file) (broken []string) {
	commented, code := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		code[f.pkg] = code[f.pkg] || !f.test
	}
	for _, f := range files {
		counts := f.test != code[f.pkg]
		commented[f.pkg] = commented[f.pkg] || counts && f.ast.Doc.Text() != ""
	}
	for pkg, ok := range commented {
		if !ok {
			broken = append(broken, pkg+" has no package comment")
		}
	}
	return broken
}

// oversized reports files with too many lines, except generated ones.
func oversized(files []file) (broken []string) {
	for _, f := range files {
		limit := maxLines
		if strings.HasPrefix(f.path, "cmd/") && !f.test {
			limit = maxMainLines
		}
		if f.lines > limit && !f.generated {
			broken = append(broken, fmt.Sprintf("%s has %d lines, and %d are the limit", f.path, f.lines, limit))
		}
	}
	return broken
}

// statedTwice reports facts that are stated outside the package that owns them.
func statedTwice(files []file) (broken []string) {
	for _, f := range files {
		if f.test || f.generated || f.ast == nil {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			for i := range facts {
				if fact := &facts[i]; ok && f.pkg != fact.home && fact.literal.MatchString(l.Value) {
					broken = append(broken, fmt.Sprintf("%s states %s: %s of %s", f.path, l.Value, fact.what, fact.home))
				}
			}
			return true
		})
	}
	return broken
}
