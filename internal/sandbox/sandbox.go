// Package sandbox runs code of others: it contains panics, stops waiting for what does not end
// in time, does not start more of it while too much has not ended, and keeps inputs on which
// code failed in quarantine.
//
// It knows nothing of mutators, resources and calls.
package sandbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// DefaultTimeout is how long a run may take. It is long for what a mutator does, since a pod that
// gets little processor time must not deny what it has no fault with.
const DefaultTimeout = 5 * time.Second

// LastMoment is how long a query may take when the time of its context is over. Without a
// response the resource would get the failure policy of a mutator that may not be for it.
const LastMoment = 100 * time.Millisecond

// Sandbox has what runs in it share. It is safe for concurrent use.
type Sandbox struct {
	// Timeout is how long a run may take. It must not be changed once something ran.
	Timeout time.Duration
	// Ran is told of each end of [Run], with the context of the run; nil for nobody. It must not be
	// changed once something ran.
	Ran func(ctx context.Context, owner string, began time.Time)
	// Quarantine has the inputs on which code failed.
	Quarantine *Quarantine

	abandoned abandoned
	isolating atomic.Int32     // callers that want each query on a goroutine of its own
	idle      chan chan func() // nil if no goroutine is kept
}

// New returns a sandbox with [DefaultTimeout].
func New() *Sandbox {
	return &Sandbox{Timeout: DefaultTimeout, abandoned: abandoned{of: map[string]int{}}, Quarantine: newQuarantine()}
}

// Sibling returns a sandbox with the same timeout and idle goroutines that counts for itself.
func (s *Sandbox) Sibling() *Sandbox {
	other := New()
	other.Timeout, other.idle = s.Timeout, s.idle
	return other
}

// Isolate has every query watched until the function that it returns is called. Queries are as
// many as resources, and to watch each is not cheap.
func (s *Sandbox) Isolate() (end func()) {
	s.isolating.Add(1)
	return func() { s.isolating.Add(-1) }
}

// IsIsolating tells whether a query is to be watched. It may change at any time, so it is asked
// once for each query.
func (s *Sandbox) IsIsolating() bool { return s.isolating.Load() != 0 }

// limitKey is the context key of [WithLimit].
type limitKey struct{}

// WithLimit returns a context in which a run may take no longer than a limit, if that is less than
// the sandbox's timeout.
func WithLimit(ctx context.Context, limit time.Duration) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// limit is how long a run in a context may take.
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

// Run runs f on behalf of an owner and stops waiting for it after the sandbox's timeout or the limit
// of ctx, see [WithLimit], which is a [TimeoutError], or when ctx ends. What f works on must be its own, since it may go on after
// that. Once too many runs of the owner do, no more are started.
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

// RunOnce is [Run] for what is not one of many.
func RunOnce[R any](ctx context.Context, s *Sandbox, owner string, f func(context.Context) (R, error)) (R, error) {
	g := s.Goroutine()
	defer g.Release()
	return Run(ctx, s, g, owner, f)
}

// RunUntil is [Run] without a limit but that of ctx and without a look at what has not ended.
func RunUntil[R any](ctx context.Context, s *Sandbox, g *Goroutine, owner string, f func(context.Context) (R, error)) (none R, err error) {
	r, ended, err := wait(s, g, owner, ctx.Done(), func() (R, error) { return f(ctx) })
	if ended && (err == nil || ctx.Err() == nil) {
		return r, err
	}
	return none, fmt.Errorf("abandoned: %w", context.Cause(ctx))
}

// RunFor is [RunUntil] with a limit in place of a context. After that it is a [TimeoutError].
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

// wait lets the goroutine run f and abandons both when over is closed.
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

// Query is [RunOnce] for a query, which has a last moment when ctx has ended. What f works on must
// be its own.
func Query[R any](ctx context.Context, s *Sandbox, owner string, f func() (R, error)) (R, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), LastMoment)
		defer cancel()
	}
	return RunOnce(ctx, s, owner, func(context.Context) (R, error) { return f() })
}
