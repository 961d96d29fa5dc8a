package engine

import (
	"context"
	"fmt"
	"runtime/debug"
)

// PanicError is the error of a mutator that panicked.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is that of the goroutine at that moment.
	Stack []byte
}

// Error tells the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// contain runs f and turns a panic into a [PanicError].
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// bounded runs f and stops waiting for it when ctx ends. What f works on must be its own,
// since it may go on behind the caller's back.
func bounded(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	done := make(chan error, 1)
	go func() { done <- contain(f) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("took too long: %w", context.Cause(ctx))
	}
}
