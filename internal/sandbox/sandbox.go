// Package sandbox isolates code that may fail: it recovers panics, abandons code that times out,
// starts no more of it while too many abandoned goroutines still run, and quarantines inputs on
// which code failed.
//
// It must not know about mutators, resources or calls.
package sandbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// DefaultTimeout is the timeout of a run. It is long for a mutator, so that a pod with little CPU
// time does not deny traffic for policies without a fault.
const DefaultTimeout = 5 * time.Second

// LastMoment is the timeout of a query whose context has already ended. Without a response, the
// failure policy of a mutator would apply to a resource that the mutator may not even edit.
const LastMoment = 100 * time.Millisecond

// Sandbox holds the state that all runs share. It is safe for concurrent use.
type Sandbox struct {
	// Timeout is the timeout of a run. It must not change after the first run.
	Timeout time.Duration
	// Ran is called at the end of each [Run] with the context of the run, unless it is nil. It must
	// not change after the first run.
	Ran func(ctx context.Context, owner string, began time.Time)
	// Quarantine holds the inputs on which code failed.
	Quarantine *Quarantine

	abandoned abandoned
	isolating atomic.Int32     // callers that require a separate goroutine for each query
	idle      chan chan func() // nil if no goroutines are kept
}

// New returns a sandbox with [DefaultTimeout].
func New() *Sandbox {
	return &Sandbox{Timeout: DefaultTimeout, abandoned: abandoned{of: map[string]int{}}, Quarantine: newQuarantine()}
}

// Sibling returns a sandbox with the same timeout and idle goroutines, but its own counts and
// quarantine.
func (s *Sandbox) Sibling() *Sandbox {
	other := New()
	other.Timeout, other.idle = s.Timeout, s.idle
	return other
}

// Isolate turns isolation of queries on until the returned function is called. Isolation is off
// otherwise because each resource has its own query, and a goroutine for each is expensive.
func (s *Sandbox) Isolate() (end func()) {
	s.isolating.Add(1)
	return func() { s.isolating.Add(-1) }
}

// IsIsolating reports whether queries must be isolated. The result may change at any time, so call
// it once per query.
func (s *Sandbox) IsIsolating() bool { return s.isolating.Load() != 0 }

// limitKey is the context key of [WithLimit].
type limitKey struct{}

// WithLimit returns a context that limits each run to limit, if that is shorter than the sandbox's
// timeout.
func WithLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// limit returns the timeout of a run in ctx.
func (s *Sandbox) limit(ctx context.Context) time.Duration {
	if limit, ok := ctx.Value(limitKey{}).(time.Duration); ok {
		return min(limit, s.Timeout)
	}
	return s.Timeout
}

// Recover runs f and turns a panic into a [PanicError].
func Recover(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// Run runs f for an owner. It abandons f with a [TimeoutError] after the sandbox's timeout or the
// limit of ctx, see [WithLimit], and also when ctx ends. f may go on after that, so its input must
// not be shared. Run starts nothing while too many abandoned runs of the owner are still running.
func Run[R any](ctx context.Context, s *Sandbox, g *Goroutine, owner string, f func(context.Context) (R, error)) (none R, err error) {
	if ctx.Err() != nil {
		return none, context.Cause(ctx)
	}
	if err := s.Full(owner); err != nil {
		return none, err
	}
	if s.Ran != nil {
		defer s.Ran(ctx, owner, time.Now())
	}
	limit := s.limit(ctx)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, &TimeoutError{limit})
	defer cancel()
	return RunUntil(ctx, s, g, owner, f)
}

// RunOnce is [Run] for a single task.
func RunOnce[R any](ctx context.Context, s *Sandbox, owner string, f func(context.Context) (R, error)) (R, error) {
	g := s.Goroutine()
	defer g.Release()
	return Run(ctx, s, g, owner, f)
}

// RunUntil is [Run] with no limit except ctx, and without a check for abandoned runs.
func RunUntil[R any](ctx context.Context, s *Sandbox, g *Goroutine, owner string, f func(context.Context) (R, error)) (none R, err error) {
	r, ended, err := wait(s, g, owner, ctx.Done(), func() (R, error) { return f(ctx) })
	if ended && (err == nil || ctx.Err() == nil) {
		return r, err
	}
	return none, fmt.Errorf("abandoned: %w", context.Cause(ctx))
}

// RunFor is [RunUntil] with a limit instead of a context. It returns a [TimeoutError] after the
// limit.
func RunFor[R any](limit time.Duration, s *Sandbox, owner string, f func() (R, error)) (none R, err error) {
	g := s.Goroutine()
	defer g.Release()
	over := make(chan struct{})
	timer := time.AfterFunc(limit, func() { close(over) })
	defer timer.Stop()
	r, ended, err := wait(s, g, owner, over, f)
	if ended {
		return r, err
	}
	return none, &TimeoutError{limit}
}

// wait runs f on the goroutine and abandons both when over is closed.
func wait[R any](s *Sandbox, g *Goroutine, owner string, over <-chan struct{}, f func() (R, error)) (value R, ended bool, err error) {
	type returned struct {
		value R
		err   error
	}
	run, done := &started{owner: owner}, make(chan returned, 1)
	g.do(func() {
		var r returned
		r.err = Recover(func() (err error) { r.value, err = f(); return err })
		s.abandoned.end(run)
		done <- r
	})
	select {
	case r := <-done:
		return r.value, true, r.err
	case <-over:
		s.abandoned.abandon(run)
		g.abandon()
		return value, false, nil
	}
}

// Query is [RunOnce] for a query. If ctx has ended, f still has [LastMoment]. The input of f must
// not be shared.
func Query[R any](ctx context.Context, s *Sandbox, owner string, f func() (R, error)) (R, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), LastMoment)
		defer cancel()
	}
	return RunOnce(ctx, s, owner, func(context.Context) (R, error) { return f() })
}
