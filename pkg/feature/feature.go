// Package feature is how features that are not built in come into an egraft binary, with
// settings of their own.
//
//	type Settings struct{ Header string }
//
//	func Feature() feature.Feature {
//		return feature.WithSettings("hello", Settings{Header: "x-hello"}, table, New)
//	}
//
//	func table(s *Settings) []setting.Setting {
//		return []setting.Setting{{Name: "header", Value: setting.Text(&s.Header, "name"), Help: "name of the header"}}
//	}
//
//	func New(s Settings) (mutator.Family, error) { … }
//
// `egraft serve` then has the flag --hello-header, the variable EGRAFT_HELLO_HEADER and the
// field features.hello.header of its file. The package must not read settings itself, nor run
// mutators.
package feature

import (
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/setting"
)

// Feature is a feature that is not built in. Make one with [New] or [WithSettings].
type Feature struct {
	name    string
	pkg     string
	declare func() Declaration
}

// Declaration is the settings of a feature with their defaults.
type Declaration struct {
	Settings []setting.Setting
	// Family makes the mutator family from the values that the settings have by then.
	Family func() (mutator.Family, error)
}

// New returns a feature without settings.
func New(family func() mutator.Family) Feature {
	return Feature{name: family().Name, pkg: packageOf(family), declare: func() Declaration {
		return Declaration{Family: func() (mutator.Family, error) { return family(), nil }}
	}}
}

// WithSettings returns a feature whose settings are the fields of an S that table lists. The
// name must be that of the mutator family.
//
// Each command declares the settings anew, with a copy of the defaults, and calls family once
// with what was set. Checks of one value belong to its [setting.Value], which names it in the
// error; an error of family is about the settings together. Like a mutator, family does no I/O.
func WithSettings[S any](name string, defaults S, table func(*S) []setting.Setting, family func(S) (mutator.Family, error)) Feature {
	return Feature{name: name, pkg: packageOf(family), declare: func() Declaration {
		values := defaults
		return Declaration{Settings: table(&values), Family: func() (mutator.Family, error) {
			f, err := family(values)
			if err == nil && f.Name != name {
				err = fmt.Errorf("the mutator family is called %q", f.Name)
			}
			return f, err
		}}
	}}
}

// Name is the name of the feature in flags, logs and metrics.
func (f Feature) Name() string { return f.name }

// Package is the import path of the package with the function that makes the mutator family.
func (f Feature) Package() string { return f.pkg }

// Declare returns settings that no other call returns.
func (f Feature) Declare() Declaration { return f.declare() }
