// Package setting has the types of settings: the form of a value in a flag, in an environment
// variable and in the configuration file.
//
// egraft's own settings use it, and so do the settings of features that are not built in. It must
// not depend on any setting, and opens no files.
package setting

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Setting is one setting of a feature.
type Setting struct {
	// Name is unique in the feature: lowercase words separated by dashes, like "max-age".
	Name string
	// Value holds the default, and receives the configured value.
	Value Value
	// Help is one or two sentences for help texts, with units and limits.
	Help string
}

// Value is a variable that text and JSON can set. [Typed] implements it.
type Value interface {
	// Set parses the text of a flag or environment variable.
	Set(text string) error
	// Decode parses a value of the file, which has stricter types than text.
	Decode(raw json.RawMessage) error
	// String returns the value in the form that Set parses; help texts show it as the default.
	String() string
	// Type is a word for the values in help texts, like "duration".
	Type() string
	// Separator joins the texts of a repeated flag. If it is empty, the last text replaces
	// earlier ones.
	Separator() string
}

// Typed is a [Value] of type T. Use it for types that this package lacks.
type Typed[T any] struct {
	// Target is the variable. It initially has the default value, and keeps its value if an
	// invalid one is set.
	Target *T
	// Kind is the word that [Value.Type] returns.
	Kind string
	// Parse parses text, and Format writes the form that Parse parses.
	Parse  func(text string) (T, error)
	Format func(T) string
	// JSON parses the value from the file. If it is nil, the file has a string for Parse.
	JSON func(raw json.RawMessage) (T, error)
	// Between is what [Value.Separator] returns.
	Between string
	// Checks are applied to each value that is set, and not to the default.
	Checks []func(T) error
}

// Set implements [Value].
func (v Typed[T]) Set(text string) error { return v.store(v.Parse(text)) }

// Decode implements [Value].
func (v Typed[T]) Decode(raw json.RawMessage) error {
	if v.JSON != nil {
		return v.store(v.JSON(raw))
	}
	text, err := DecodeAs[string](raw, "a string")
	if err != nil {
		return err
	}
	return v.Set(text)
}

// String implements [Value].
func (v Typed[T]) String() string {
	if v.Target == nil {
		return ""
	}
	return v.Format(*v.Target)
}

// Type implements [Value].
func (v Typed[T]) Type() string { return v.Kind }

// Separator implements [Value].
func (v Typed[T]) Separator() string { return v.Between }

func (v Typed[T]) store(x T, err error) error {
	if err != nil {
		return err
	}
	var errs []error
	for _, check := range v.Checks {
		errs = append(errs, check(x))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*v.Target = x
	return nil
}

// DecodeAs decodes JSON as a T, described as want in the error. Null is an error.
func DecodeAs[T any](raw json.RawMessage, want string) (T, error) {
	var out *T
	err := json.Unmarshal(raw, &out)
	if err != nil || out == nil {
		return *new(T), fmt.Errorf("must be %s", want)
	}
	return *out, nil
}
