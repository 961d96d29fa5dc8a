package sandbox

import (
	"context"
	"fmt"
	"time"
)

// PanicError is the error of code that panicked.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is that of the goroutine at that moment.
	Stack []byte
}

// Error tells the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// TimeoutError is the error of code that took longer than it may.
type TimeoutError struct {
	// Limit is how long it may take.
	Limit time.Duration
}

// Error tells the limit.
func (e *TimeoutError) Error() string { return fmt.Sprintf("timed out after %s", e.Limit) }

// Unwrap is [context.DeadlineExceeded].
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// QuarantineError is the error of code that is not run because it panicked or took too long on
// the same input a short time ago.
type QuarantineError struct {
	// Cause is what it came to then.
	Cause string
}

// Error tells the cause. It does not tell until when: a text that is new at each call is
// logged at each call.
func (e *QuarantineError) Error() string {
	return "quarantined: " + e.Cause
}
