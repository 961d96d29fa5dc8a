package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// DefaultMutatorTimeout is how long a run of a mutator may take unless [WithMutatorTimeout]
// says otherwise. It is long for what a mutator does, since a pod that gets little
// processor time must not deny what it has no fault with.
const DefaultMutatorTimeout = 5 * time.Second

// lastMoment is how long a question may take when the time of the call is over. Without an
// answer the resource would get the failure policy of a mutator that may not want it.
const lastMoment = 100 * time.Millisecond

// PanicError is the error of a mutator that panicked.
type PanicError struct {
	// Value is what it panicked with.
	Value any
	// Stack is that of the goroutine at that moment.
	Stack []byte
}

// Error tells the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// TimeoutError is the error of a mutator that took longer than it may.
type TimeoutError struct {
	// Limit is how long it may take.
	Limit time.Duration
}

// Error tells the limit.
func (e *TimeoutError) Error() string { return fmt.Sprintf("took longer than %s", e.Limit) }

// Unwrap is [context.DeadlineExceeded].
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// guard is what stands between the engine and the code of mutators. It is shared by all
// calls and safe for concurrent use.
type guard struct {
	timeout    time.Duration
	abandoned  abandoned
	quarantine *quarantine
	careful    atomic.Int32     // calls for which each question is watched
	idle       chan chan func() // nil if no goroutine is kept
}

// isCareful tells whether a question is to be watched. It may change at any time, so it is asked
// once for each question.
func (g *guard) isCareful() bool { return g.careful.Load() != 0 }

func (g *guard) hand() *hand { return &hand{idle: g.idle} }

func newGuard() *guard {
	return &guard{timeout: DefaultMutatorTimeout, abandoned: abandoned{of: map[string]int{}}, quarantine: newQuarantine()}
}

// contain runs f and turns a panic into a [PanicError].
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// bounded runs a family's f and stops waiting for it when its time is over or ctx ends. What f
// works on must be its own, since it may go on behind the engine's back. Once too many
// runs of the family do, no more are started.
func bounded[R any](ctx context.Context, g *guard, h *hand, family string, f func(context.Context) (R, error)) (none R, err error) {
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	if err := g.abandoned.full(family); err != nil {
		return none, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, g.timeout, &TimeoutError{g.timeout})
	defer cancel()
	return start(ctx, g, h, family, f)
}

// once is [bounded] for what is not one of many.
func once[R any](ctx context.Context, g *guard, family string, f func(context.Context) (R, error)) (R, error) {
	h := g.hand()
	defer h.rest()
	return bounded(ctx, g, h, family, f)
}

// start lets the hand run f and abandons both when ctx ends.
func start[R any](ctx context.Context, g *guard, h *hand, family string, f func(context.Context) (R, error)) (none R, err error) {
	type returned struct {
		value R
		err   error
	}
	s := &started{family: family}
	done := make(chan returned, 1)
	h.do(func() {
		var r returned
		r.err = contain(func() (err error) { r.value, err = f(ctx); return err })
		g.abandoned.end(s)
		done <- r
	})
	select {
	case r := <-done:
		if r.err == nil || ctx.Err() == nil {
			return r.value, r.err
		}
	case <-ctx.Done():
		g.abandoned.abandon(s)
		h.leave()
	}
	return none, fmt.Errorf("took too long: %w", context.Cause(ctx))
}

// watched runs a question like an edit. What f works on must be its own.
func watched[R any](ctx context.Context, g *guard, family string, f func() (R, error)) (R, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastMoment)
		defer cancel()
	}
	return once(ctx, g, family, func(context.Context) (R, error) { return f() })
}
