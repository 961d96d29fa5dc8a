package feature

import (
	"errors"
	"fmt"
	"maps"

	"github.com/egraft/egraft/pkg/mutator"
)

// Validate reports features that cannot be in one binary: with a name that is not lower-case
// words with dashes between them or that another one has, with a setting of such a name or
// without a value, or with a flag that is taken. The flags in takenFlags are those of egraft,
// each with who has it, in words.
func Validate(features []Registration, takenFlags map[string]string) error {
	var errs []error
	names := map[string]bool{}
	flags := map[string]string{}
	maps.Copy(flags, takenFlags)
	for _, f := range features {
		if !mutator.IsName(f.name) {
			errs = append(errs, fmt.Errorf("feature %q: the name must be lower-case words with dashes between them", f.name))
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

// validate checks the settings, and adds their flags to those that are taken.
func (f Registration) validate(flags map[string]string) (errs []error) {
	for _, s := range f.declare().Settings {
		flag := f.name + "-" + s.Name
		switch owner := flags[flag]; {
		case !mutator.IsName(s.Name):
			errs = append(errs, fmt.Errorf("feature %q: setting %q: the name must be lower-case words with dashes between them", f.name, s.Name))
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
