package engine

import (
	"context"
	"errors"
	"time"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// WithMutatorTimeout limits each run of a mutator. Without it the limit is
// [sandbox.DefaultTimeout].
func WithMutatorTimeout(d time.Duration) Option {
	return func(e *Engine) error {
		if d <= 0 {
			return errors.New("time limit of mutators must be greater than 0")
		}
		e.sandbox.Timeout = d
		return nil
	}
}

// WithWarm lets the engine keep a number of goroutines that wait for work.
func WithWarm(goroutines int) Option {
	return func(e *Engine) error {
		e.sandbox.KeepIdle(goroutines)
		return nil
	}
}

// Health returns an error while mutators are not run because too many of their runs have
// not ended. It is nil again when they end. Custom resources do not count: whoever restarts
// an engine that is not healthy would have it read them again.
func (e *Engine) Health() error { return e.sandbox.Err() }

// Abandoned is the number of runs, those that read a custom resource included, that took too
// long and have not ended.
func (e *Engine) Abandoned() int { return e.sandbox.Abandoned() + e.reads.Abandoned() }

// Quarantined is the number of inputs on which mutators are not run at present, because
// they panicked or took too long, and of custom resources that are not read for that.
func (e *Engine) Quarantined() int { return e.sandbox.Quarantine.Count() + e.reads.Quarantine.Count() }

// answered is what a call came to.
type answered struct {
	result *Result
	err    error
}

// Run answers a call. With an error, the result has the outcomes until then and no
// resources.
//
// Whether a mutator applies is asked for every resource, too often for a watch over each
// question. So there is one over the call: if it is not answered in time, it is begun
// again, with a watch over each question. A call for a single resource in a hook that no feature
// uses is answered as it came, and one that is what it was before as it was then.
func (e *Engine) Run(ctx context.Context, call *Call) (*Result, error) {
	if e.isForNobody(call) {
		return &Result{Resources: call.Resources, Subject: func() string { return "" }}, nil
	}
	if !e.isSingle(call) {
		return e.watch(ctx, call)
	}
	if res := e.getCall(call); res != nil {
		return res, nil
	}
	res, err := e.watch(ctx, call)
	if err == nil {
		e.putCall(call, res)
	}
	return res, err
}

// watch answers a call in the time that it has.
func (e *Engine) watch(ctx context.Context, call *Call) (*Result, error) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return e.run(ctx, call)
	}
	if a, ok := e.attempt(ctx, call, time.Until(deadline)); ok {
		return a.result, a.err
	}
	defer e.sandbox.Isolate()()
	return e.run(ctx, call)
}

// isForNobody tells whether a call is for a single resource, in a hook that no feature uses.
func (e *Engine) isForNobody(call *Call) bool {
	for i := range e.features {
		if e.features[i].Uses(call.Hook) {
			return false
		}
	}
	return call.Hook != mutator.HookTranslation
}

// attempt answers a call that has some time left. It leaves enough of that for two
// questions that have no end, but takes half of it at least. It goes on behind the
// engine's back if it has to, with the bytes of the call.
func (e *Engine) attempt(ctx context.Context, call *Call, left time.Duration) (answered, bool) {
	g := e.sandbox
	if g.Full(sandbox.WholeCall) != nil {
		return answered{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, max(left/2, left-2*g.Timeout))
	defer cancel()
	h := g.Goroutine()
	defer h.Release()
	a, err := sandbox.RunUntil(ctx, g, h, sandbox.WholeCall, func(ctx context.Context) (answered, error) {
		res, err := e.run(ctx, call)
		return answered{res, err}, nil
	})
	if p := (*sandbox.PanicError)(nil); errors.As(err, &p) {
		panic(p) // the engine's own, since those of mutators are contained
	}
	return a, err == nil
}
