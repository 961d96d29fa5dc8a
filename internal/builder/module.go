package builder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Module is a package with features, and the module that contains it.
type Module struct {
	// Package is the import path of a package with a func Features() []feature.Registration.
	Package string `json:"package"`
	// Version is the version of the package's module, the latest if empty.
	Version string `json:"version,omitempty"`
	// Path is the directory of the module, instead of a version.
	Path string `json:"path,omitempty"`

	module string // the module path, if the module is in a directory
}

// The valid import paths and versions: they become arguments of the Go command and parts of Go code.
var (
	isPackage = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9_][A-Za-z0-9._~-]*)*$`)
	isVersion = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/+-]*$`)
)

// ParseModule reads PACKAGE[@VERSION][=PATH].
func ParseModule(text string) (Module, error) {
	rest, path, replaced := strings.Cut(text, "=")
	pkg, version, pinned := strings.Cut(rest, "@")
	m := Module{Package: pkg, Version: version, Path: path}
	if (replaced && path == "") || (pinned && version == "") {
		return m, fmt.Errorf("%q is not PACKAGE[@VERSION][=PATH], such as example.com/hello@v1.0.0", text)
	}
	return m, m.validate()
}

func (m *Module) validate() error {
	switch {
	case !isPackage.MatchString(m.Package):
		return fmt.Errorf("%q is not the import path of a Go package, such as example.com/hello", m.Package)
	case m.Version != "" && !isVersion.MatchString(m.Version):
		return fmt.Errorf("%s: %q is not a version, such as v1.0.0", m.Package, m.Version)
	}
	return nil
}

// locate finds the module of a package in a directory.
func (m *Module) locate() (err error) {
	if m.Path == "" {
		return nil
	}
	if m.Path, err = filepath.Abs(m.Path); err != nil {
		return err
	}
	if m.module, err = ModuleOf(m.Path); err != nil {
		return fmt.Errorf("%s: %w", m.Package, err)
	}
	if m.Package != m.module && !strings.HasPrefix(m.Package, m.module+"/") {
		return fmt.Errorf("%s is not in %s, which is module %s", m.Package, m.Path, m.module)
	}
	return nil
}

var moduleLine = regexp.MustCompile(`(?m)^module[ \t]+"?([^"\s]+)"?`)

// ModuleOf returns the path of the module in a directory.
func ModuleOf(directory string) (string, error) {
	text, err := os.ReadFile(filepath.Join(directory, "go.mod"))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s has no go.mod", directory)
	}
	if err != nil {
		return "", err
	}
	found := moduleLine.FindSubmatch(text)
	if found == nil {
		return "", fmt.Errorf("%s/go.mod has no module path", directory)
	}
	return string(found[1]), nil
}
