package v1alpha1

import (
	"encoding/json"
	"errors"
)

// Quantity is a Kubernetes quantity as it is written, a string or a number. Unlike Kubernetes' own
// type, it does not parse the number, which can take minutes: callers must check the text before
// they parse it.
type Quantity string

// String is the quantity as it is written.
func (q Quantity) String() string { return string(q) }

// UnmarshalJSON accepts a string or a number.
func (q *Quantity) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && (raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9') {
		*q = Quantity(raw)
		return nil
	}
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("a quantity must be a string or a number")
	}
	if text != nil {
		*q = Quantity(*text)
	}
	return nil
}
