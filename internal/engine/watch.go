package engine

import (
	"context"
	"errors"
	"time"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// WithMutatorTimeout sets the timeout of a mutator on one resource, by default
// [sandbox.DefaultTimeout].
func WithMutatorTimeout(d time.Duration) Option {
	return func(e *Engine) error {
		if d <= 0 {
			return errors.New("timeout of mutators must be greater than 0")
		}
		e.sandbox.Timeout = d
		return nil
	}
}

// WithRunObserver sets a function that is called at the end of each run of a feature's mutators,
// with the context of [Engine.Run] and the start time. It is called during the hook call, possibly
// concurrently.
func WithRunObserver(ran func(ctx context.Context, feature string, began time.Time)) Option {
	return func(e *Engine) error {
		e.sandbox.Ran = func(ctx context.Context, owner string, began time.Time) { ran(ctx, featureOf(owner), began) }
		return nil
	}
}

// WithIdleGoroutines makes the engine keep a number of idle goroutines.
func WithIdleGoroutines(goroutines int) Option {
	return func(e *Engine) error {
		e.sandbox.KeepIdle(goroutines)
		return nil
	}
}

// Health returns an error while features are disabled because too many of their abandoned
// goroutines are running, and nil once these have ended. Reads of custom resources do not count: a
// restarted engine would read the same ones again.
func (e *Engine) Health() error { return e.sandbox.Err() }

// Abandoned returns the number of abandoned goroutines that are still running: of mutators, of
// reads of custom resources, and of shadow passes.
func (e *Engine) Abandoned() int {
	return e.sandbox.Abandoned() + e.reads.Abandoned() + e.shadow.sandbox.Abandoned()
}

// Quarantined returns the number of quarantined inputs of mutators and of quarantined custom
// resources.
func (e *Engine) Quarantined() int { return e.sandbox.Quarantine.Count() + e.reads.Quarantine.Count() }

// callResult is a response, or the error of a call.
type callResult struct {
	response *Response
	err      error
}

// Run responds to a call. With an error, the response has the outcomes until then and no resources.
//
// Mutators plan for every resource, too often for a timeout on each plan. So the first attempt at a
// call has one timeout, and only the retry has a timeout on each plan. Run returns the resource
// unmodified in a call for a single resource in a hook that no feature uses, and the cached
// response for a repeated call.
func (e *Engine) Run(ctx context.Context, call *Call) (*Response, error) {
	if e.isUnused(call) {
		return &Response{Resources: call.Resources, Subject: func() string { return "" }}, nil
	}
	isSingle := e.isSingle(call)
	if isSingle {
		if res := e.getCall(call); res != nil {
			return res, nil
		}
	}
	res, err := e.watch(ctx, call)
	if err == nil {
		e.addShadow(ctx, call, res)
		if isSingle {
			e.putCall(call, res)
		}
	}
	return res, err
}

// runsOfCall is how many hung mutators fit into the time of a call: the maximum number of abandoned
// runs of one feature, and two more in the retry. With the defaults, each mutator has its whole
// timeout. A shorter client timeout reduces it, so that hung mutators do not fail the call.
const runsOfCall = 6

// watch responds to a call before its deadline.
func (e *Engine) watch(ctx context.Context, call *Call) (*Response, error) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return e.run(ctx, call)
	}
	left := time.Until(deadline)
	limit := min(e.sandbox.Timeout, max(left/runsOfCall, sandbox.LastMoment))
	ctx = sandbox.WithLimit(ctx, limit)
	if a, ok := e.attempt(ctx, call, max(left/2, left-2*limit)); ok {
		return a.response, a.err
	}
	defer e.sandbox.Isolate()()
	return e.run(ctx, call)
}

// isUnused reports whether a call is for a single resource in a hook that no feature uses.
func (e *Engine) isUnused(call *Call) bool {
	for i := range e.features {
		if e.features[i].Uses(call.Hook) {
			return false
		}
	}
	return call.Hook != mutator.HookTranslation
}

// attempt runs a call in part of its time: at least half, and otherwise all but the time for two
// hung plans. After the timeout its goroutine is abandoned, which retains the bytes of the call.
func (e *Engine) attempt(ctx context.Context, call *Call, part time.Duration) (callResult, bool) {
	g := e.sandbox
	if g.Full(sandbox.WholeCall) != nil {
		return callResult{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, part)
	defer cancel()
	h := g.Goroutine()
	defer h.Release()
	a, err := sandbox.RunUntil(ctx, g, h, sandbox.WholeCall, func(ctx context.Context) (callResult, error) {
		res, err := e.run(ctx, call)
		return callResult{res, err}, nil
	})
	if p := (*sandbox.PanicError)(nil); errors.As(err, &p) {
		panic(p) // the engine's own panic: those of mutators are recovered
	}
	return a, err == nil
}
