package config

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/pflag"
)

// value is a field of a [Config] that can be set by a flag or variable and by the file.
type value interface {
	pflag.Value
	// fromJSON sets the value from the file, whose types are stricter than text.
	fromJSON(raw json.RawMessage) error
	// separator is between the texts of a flag that is repeated and so adds to the value;
	// it is empty if the last one replaces the others.
	separator() string
}

// typed is a value of one type.
type typed[T any] struct {
	target *T
	kind   string
	parse  func(string) (T, error)
	format func(T) string
	// decode reads the value from the file; a string that parse reads if it is nil.
	decode  func(json.RawMessage) (T, error)
	between string
}

// Set implements pflag.Value.
func (v typed[T]) Set(s string) error { return v.store(v.parse(s)) }

// String implements pflag.Value.
func (v typed[T]) String() string {
	if v.target == nil {
		return ""
	}
	return v.format(*v.target)
}

// Type implements pflag.Value.
func (v typed[T]) Type() string { return v.kind }

func (v typed[T]) separator() string { return v.between }

func (v typed[T]) fromJSON(raw json.RawMessage) error {
	if v.decode != nil {
		return v.store(v.decode(raw))
	}
	s, err := decodeAs[string](raw, "a string")
	if err != nil {
		return err
	}
	return v.Set(s)
}

func (v typed[T]) store(x T, err error) error {
	if err == nil {
		*v.target = x
	}
	return err
}

// decodeAs reads JSON as a T, which the error calls want.
func decodeAs[T any](raw json.RawMessage, want string) (T, error) {
	var out *T
	err := json.Unmarshal(raw, &out)
	if err != nil || out == nil {
		return *new(T), fmt.Errorf("must be %s", want)
	}
	return *out, nil
}
