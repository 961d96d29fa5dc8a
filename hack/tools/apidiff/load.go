package main

import (
	"errors"
	"fmt"
	"go/types"

	"golang.org/x/tools/go/packages"
)

// module is the packages of a module and their imports.
type module struct {
	path string
	// apis are the exported APIs by import path.
	apis map[string]string
	// known are all packages by import path.
	known map[string]*types.Package
}

// load reads packages of the module in a folder.
func load(root string, patterns []string) (*module, error) {
	const mode = packages.NeedName | packages.NeedModule | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedExportFile
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("load packages: %w", err)
	}
	m := &module{apis: map[string]string{}, known: map[string]*types.Package{"unsafe": types.Unsafe}}
	var errs []error
	packages.Visit(loaded, nil, func(p *packages.Package) {
		for _, err := range p.Errors {
			errs = append(errs, fmt.Errorf("load %s: %w", p.PkgPath, err))
		}
		if p.Types != nil {
			m.known[p.PkgPath] = p.Types
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, p := range loaded {
		m.path = p.Module.Path
		if m.apis[p.PkgPath], err = listing(p.Types); err != nil {
			return nil, fmt.Errorf("list %s: %w", p.PkgPath, err)
		}
	}
	return m, nil
}

// Import implements [types.Importer] for what records import.
func (m *module) Import(path string) (*types.Package, error) {
	if p := m.known[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not imported any more", path)
}
