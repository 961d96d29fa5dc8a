// Package feature registers features that are not built in with an egraft binary, each with
// settings of its own.
//
//	type Settings struct{ Header string }
//
//	func Feature() feature.Registration {
//		return feature.WithSettings("hello", Settings{Header: "x-hello"}, table, New)
//	}
//
//	func table(s *Settings) []setting.Setting {
//		return []setting.Setting{{Name: "header", Value: setting.Text(&s.Header, "name"), Help: "name of the header"}}
//	}
//
//	func New(s Settings) (mutator.Feature, error) { … }
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

// Registration is a feature that is not built in. Make one with [New] or [WithSettings].
type Registration struct {
	name    string
	pkg     string
	declare func() Declaration
}

// Declaration is the settings of a feature with their defaults.
type Declaration struct {
	Settings []setting.Setting
	// Feature makes the feature from the values that the settings have by then.
	Feature func() (mutator.Feature, error)
}

// New returns a feature without settings.
func New(feature func() mutator.Feature) Registration {
	return Registration{name: feature().Name, pkg: packageOf(feature), declare: func() Declaration {
		return Declaration{Feature: func() (mutator.Feature, error) { return feature(), nil }}
	}}
}

// WithSettings returns a feature whose settings are the fields of an S that table lists. The
// name must be that of the feature.
//
// Each command declares the settings anew, with a copy of the defaults, and calls feature once
// with what was set. Checks of one value belong to its [setting.Value], which names it in the
// error; an error of feature is about the settings together. Like a mutator, feature does no I/O.
func WithSettings[S any](name string, defaults S, table func(*S) []setting.Setting, feature func(S) (mutator.Feature, error)) Registration {
	return Registration{name: name, pkg: packageOf(feature), declare: func() Declaration {
		values := defaults
		return Declaration{Settings: table(&values), Feature: func() (mutator.Feature, error) {
			f, err := feature(values)
			if err == nil && f.Name != name {
				err = fmt.Errorf("the feature is called %q", f.Name)
			}
			return f, err
		}}
	}}
}

// Name is the name of the feature in flags, logs and metrics.
func (f Registration) Name() string { return f.name }

// Package is the import path of the package with the function that makes the feature.
func (f Registration) Package() string { return f.pkg }

// Declare returns settings that no other call returns.
func (f Registration) Declare() Declaration { return f.declare() }
