package mutator

import (
	"errors"

	"github.com/egraft/egraft/pkg/policy"
)

// RejectionError is the error of a custom resource that is valid but must not be in effect.
type RejectionError struct {
	// Reason is the reason of its outcome.
	Reason Reason
	Err    error
}

// Error implements the error interface.
func (e *RejectionError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RejectionError) Unwrap() error { return e.Err }

// ReasonOf returns the outcome reason of a custom resource with an error: the reason of a
// [RejectionError], otherwise Invalid.
func ReasonOf(err error) Reason {
	if r := (*RejectionError)(nil); errors.As(err, &r) {
		return r.Reason
	}
	return Invalid
}

// rejectedOf returns the policies, with rejected ones replaced by copies that have the error.
func (in *Input) rejectedOf(all []policy.Attachment) []policy.Attachment {
	if len(in.Rejected) == 0 {
		return all
	}
	for i, a := range all {
		if err := in.Rejected[a.ID()]; err != nil {
			all[i].Object = a.WithError(err)
		}
	}
	return all
}
