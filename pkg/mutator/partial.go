package mutator

import (
	"errors"
	"fmt"

	"github.com/egraft/egraft/pkg/policy"
)

// PartialError is returned by the Edit of a [Plan] that edited the target but could not apply some
// custom resources to their part of it, for example filter chains of one owner in a listener with
// several. The edit is committed, and these custom resources are ApplyFailed. With a cache key the
// error is cached like a success, so that the failures must not depend on anything else.
type PartialError struct {
	Failures []PartialFailure
}

// PartialFailure is why custom resources are not in effect on their part of a target.
type PartialFailure struct {
	Policies []*policy.Object
	// Denied means that the edit denied their part of the target. Otherwise the edit left it
	// unmodified.
	Denied bool
	Err    error
}

// Error implements the error interface.
func (e *PartialError) Error() string {
	errs := make([]error, len(e.Failures))
	for i, f := range e.Failures {
		errs[i] = f.Err
	}
	return fmt.Sprintf("edited in part: %v", errors.Join(errs...))
}
