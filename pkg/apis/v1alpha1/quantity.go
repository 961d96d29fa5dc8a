package v1alpha1

import (
	"encoding/json"
	"errors"
)

// Quantity is a Kubernetes quantity as it is written, be it a string or a number. Unlike the
// type of Kubernetes it does not take what it reads for a number yet, which can take minutes:
// whoever wants one has to judge the text first.
type Quantity string

// String is the quantity as it is written.
func (q Quantity) String() string { return string(q) }

// UnmarshalJSON takes a string or a number.
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
