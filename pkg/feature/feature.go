// Package feature registers features that are not built in with an egraft binary, each with its own
// settings.
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
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/setting"
)

// Registration is a feature that is not built in. Create one with [New] or [WithSettings].
type Registration struct {
	name    string
	pkg     string
	declare func() Declaration
	crds    [][]byte
}

// Declaration is the settings of a feature with their defaults.
type Declaration struct {
	Settings []setting.Setting
	// Feature creates the feature from the current values of the settings.
	Feature func() (mutator.Feature, error)
}

// New returns a feature without settings.
func New(feature func() mutator.Feature) Registration {
	return Registration{name: feature().Name, pkg: packageOf(feature), declare: func() Declaration {
		return Declaration{Feature: func() (mutator.Feature, error) { return feature(), nil }}
	}}
}

// WithSettings returns a feature whose settings are the fields of an S that table lists. name must be
// the name of the feature.
//
// Each command declares the settings again, with a copy of the defaults, and calls feature once with
// the configured values. Checks of a single value belong to its [setting.Value], which names it in the
// error; an error of feature concerns the settings as a whole. Like a mutator, feature does no I/O.
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

// Package is the import path of the package with the function that creates the feature.
func (f Registration) Package() string { return f.pkg }

// WithCRDs adds the CRDs of the feature's custom resources: YAML files with one or more CRDs.
// `egraft config crds` prints them, and `egraft config rbac` reads the names of resources from them.
// Embed the files that controller-gen writes:
//
//	//go:embed example.com_hellopolicies.yaml
//	var crd []byte
//
//	func Features() []feature.Registration {
//		return []feature.Registration{feature.New(New).WithCRDs(crd)}
//	}
//
// A feature needs none if its custom resources are installed separately.
func (f Registration) WithCRDs(files ...[]byte) Registration {
	f.crds = slices.Concat(f.crds, files)
	return f
}

// CRDs returns the files of [Registration.WithCRDs].
func (f Registration) CRDs() [][]byte { return f.crds }

// Declare returns new settings at each call.
func (f Registration) Declare() Declaration { return f.declare() }
