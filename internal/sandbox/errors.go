package sandbox

import (
	"context"
	"fmt"
	"time"
)

// PanicError is the error of code that panicked.
type PanicError struct {
	// Value is the value of the panic.
	Value any
	// Stack is the stack of the goroutine when it panicked.
	Stack []byte
}

// Error returns the value of the panic, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// TimeoutError is the error of code that timed out.
type TimeoutError struct {
	// Limit is the timeout.
	Limit time.Duration
}

// Error includes the limit.
func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %s", e.Limit) }

// Unwrap is [context.DeadlineExceeded].
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// QuarantineError is the error of code that is skipped because it recently panicked or timed out on
// the same input.
type QuarantineError struct {
	// Cause is the earlier error.
	Cause string
}

// Error returns the cause. It omits the end of the quarantine: a text that differs at each call
// would be logged at each call.
func (e *QuarantineError) Error() string {
	return "quarantined: " + e.Cause
}
