package feature

import (
	"errors"
	"fmt"
	"maps"

	"github.com/egraft/egraft/pkg/mutator"
)

// Validate reports features that cannot be in one binary: with an invalid name or the name of
// another feature, with a setting that has an invalid name or no value, or with a flag that already
// exists. takenFlags are egraft's flags, each with a description of its owner.
func Validate(features []Registration, takenFlags map[string]string) error {
	var errs []error
	names := map[string]bool{}
	flags := map[string]string{}
	maps.Copy(flags, takenFlags)
	for _, f := range features {
		if !mutator.IsName(f.name) {
			errs = append(errs, fmt.Errorf("feature %q: the name must be lowercase words separated by dashes", f.name))
		}
		if names[f.name] {
			errs = append(errs, fmt.Errorf("feature %q is listed twice", f.name))
			continue
		}
		names[f.name] = true
		errs = append(errs, f.validate(flags)...)
	}
	return errors.Join(errs...)
}

// validate checks the settings, and adds their flags to the taken flags.
func (f Registration) validate(flags map[string]string) (errs []error) {
	for _, s := range f.declare().Settings {
		flag := f.name + "-" + s.Name
		switch owner := flags[flag]; {
		case !mutator.IsName(s.Name):
			errs = append(errs, fmt.Errorf("feature %q: setting %q: the name must be lowercase words separated by dashes", f.name, s.Name))
		case s.Value == nil:
			errs = append(errs, fmt.Errorf("feature %q: setting %q has no value", f.name, s.Name))
		case owner != "":
			errs = append(errs, fmt.Errorf("feature %q: setting %q: the flag --%s is that of %s", f.name, s.Name, flag, owner))
		default:
			flags[flag] = fmt.Sprintf("feature %q", f.name)
		}
	}
	return errs
}
