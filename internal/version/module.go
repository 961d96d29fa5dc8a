package version

import (
	"runtime/debug"
	"strings"
)

// ModuleVersion is a module that is part of the running binary.
type ModuleVersion struct {
	// Path is the module path, or the package path if the module is unknown.
	Path string
	// Version is the module's version. If the module is replaced, "=> " and the replacement follow,
	// as `go version -m` prints it. It is never empty.
	Version string
}

// ModuleOf returns the module of a package of the running binary, by its import path.
func ModuleOf(pkg string) ModuleVersion {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		build = &debug.BuildInfo{}
	}
	return moduleOf(build, pkg)
}

// moduleOf returns the module with the longest path that contains the package. The package main has
// no import path; it belongs to the main module.
func moduleOf(build *debug.BuildInfo, pkg string) ModuleVersion {
	if pkg == "main" {
		pkg = build.Main.Path
	}
	found := &debug.Module{Path: pkg}
	longest := 0
	for _, m := range append([]*debug.Module{&build.Main}, build.Deps...) {
		if len(m.Path) > longest && (pkg == m.Path || strings.HasPrefix(pkg, m.Path+"/")) {
			found, longest = m, len(m.Path)
		}
	}
	return ModuleVersion{Path: orUnknown(found.Path), Version: orUnknown(versionOf(found))}
}

func versionOf(m *debug.Module) string {
	if m.Replace == nil {
		return m.Version
	}
	return strings.TrimSpace(m.Version + " => " + m.Replace.Path + " " + m.Replace.Version)
}
