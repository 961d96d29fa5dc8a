package mutator

import (
	"errors"
	"fmt"

	"github.com/egraft/egraft/pkg/policy"
)

// PartialError is what the Edit of a [Plan] returns if it edited the target and could not apply some
// custom resources to their part of it: a listener has filter chains of several owners. The edit is
// committed, and these custom resources are ApplyFailed. With a cache key it is cached as a success is, so
// that the failures must depend on nothing else.
type PartialError struct {
	Failures []PartialFailure
}

// PartialFailure is why custom resources are not in effect on their part of a target.
type PartialFailure struct {
	Policies []*policy.Object
	// Denied is whether the edit denied their part of the target. Otherwise it left it unmodified.
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
