package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is the path of this module and of the module in each fixture.
const module = "github.com/egraft/egraft"

// file is a Go file of the module, for any system.
type file struct {
	// path and pkg are relative to the root of the module, with slashes.
	path, pkg string
	test      bool
	generated bool
	lines     int
	ast       *ast.File
	imports   []imported
}

// imported is an import and its name in the file.
type imported struct{ name, path string }

// load reads the Go files below root that the go command assigns to this module. It skips nested
// modules, testdata and hidden folders.
func load(root string) ([]file, error) {
	var files []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && foreign(name):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		f, err := read(root, name)
		files = append(files, f)
		return err
	})
	return files, err
}

func foreign(dir string) bool {
	base := filepath.Base(dir)
	if base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func read(root, name string) (file, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments)
	if err != nil {
		return file{}, fmt.Errorf("parse: %w", err)
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{
		path: rel, pkg: path.Dir(rel), ast: tree,
		test:      strings.HasSuffix(rel, "_test.go"),
		generated: ast.IsGenerated(tree),
		lines:     bytes.Count(src, []byte("\n")),
	}
	for _, spec := range tree.Imports {
		f.imports = append(f.imports, importOf(spec))
	}
	return f, nil
}

func importOf(spec *ast.ImportSpec) imported {
	p := strings.Trim(spec.Path.Value, "\"`")
	if spec.Name != nil {
		return imported{spec.Name.Name, p}
	}
	return imported{path.Base(p), p} // correct for every package whose functions the rules name
}

// matches reports whether a path matches one of the patterns: an exact path, a path and /... for it
// and everything below, or ... for everything.
func matches(patterns []string, p string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		below, all := strings.CutSuffix(pattern, "...")
		if !all {
			return p == pattern
		}
		return strings.HasPrefix(p+"/", below)
	})
}
