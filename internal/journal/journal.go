// Package journal keeps the hook calls that `egraft serve` handled, so that they can be run again:
// for each Gateway the last call of the Translation hook, the calls for single resources that
// belong to it, and some earlier calls that differ.
//
// The journal takes a call by reference. One goroutine, idle most of the time, redacts and
// compresses it later. Calls are kept only after redaction, memory is bounded, and the journal
// cannot delay or fail a hook call.
package journal

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/pkg/mutator"
)

// Config configures a [Journal].
type Config struct {
	// Bytes is the maximum compressed size of the kept calls. It must be greater than 0.
	Bytes int64
	// WaitingBytes is the maximum uncompressed size of the waiting calls; 0 is the default. One
	// call is always accepted.
	WaitingBytes int64
	// Connection returns the number of Envoy Gateway's connection. Each connection makes one call
	// at a time.
	Connection func(context.Context) uint64
	Log        *slog.Logger
}

// Journal keeps calls. Create it with [New].
type Journal struct {
	cfg  Config
	wake chan struct{} // buffered, one element
	full chan struct{} // buffered, one element: ends the rest

	mu      sync.Mutex // for the fields below, never held for long
	waiting waiting
	dropped uint64

	working  sync.Mutex // held by the goroutine that keeps calls
	redactor *redactor

	kept kept
}

// defaultWaiting has room for some calls with 10,000 clusters.
const defaultWaiting = 64 << 20

// New makes an empty journal.
func New(cfg Config) *Journal {
	if cfg.WaitingBytes == 0 {
		cfg.WaitingBytes = defaultWaiting
	}
	return &Journal{
		cfg: cfg, wake: make(chan struct{}, 1), full: make(chan struct{}, 1),
		waiting: newWaiting(), redactor: newRedactor(), kept: newKept(cfg.Bytes),
	}
}

// Keep takes a call after it was handled. It keeps a reference, so the bytes of the call must not
// change afterwards. The response is the engine's, also for a call that failed.
func (j *Journal) Keep(ctx context.Context, call *engine.Call, res *engine.Response, err error, began time.Time) {
	t := newTaken(call, res, err, began)
	connection := j.cfg.Connection(ctx)
	j.mu.Lock()
	j.dropped += uint64(j.waiting.add(connection, t, j.cfg.WaitingBytes))
	pressed := j.waiting.pressed(j.cfg.WaitingBytes)
	j.mu.Unlock()
	notify(j.wake)
	if pressed {
		notify(j.full)
	}
}

func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // already notified
	}
}

const (
	// shortestRest is the minimum time between a call and work on it. Many small calls are then kept
	// together, and the work does not compete with Envoy Gateway, which applies the response.
	shortestRest = 250 * time.Millisecond
	// share is the ratio of rest to work: the journal uses a fiftieth of a CPU.
	share = 49
	// longestRest is the maximum time that the last call waits before it is kept.
	longestRest = 5 * time.Second
)

// Run keeps calls until ctx ends.
func (j *Journal) Run(ctx context.Context) {
	rest := shortestRest
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		}
		j.rest(ctx, rest)
		began := time.Now()
		j.Flush(ctx)
		rest = min(max(share*time.Since(began), shortestRest), longestRest)
	}
}

func (j *Journal) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-j.full:
	}
}

// Flush keeps all waiting calls now.
func (j *Journal) Flush(ctx context.Context) {
	j.working.Lock()
	defer j.working.Unlock()
	j.mu.Lock()
	n := len(j.waiting.closed)
	j.mu.Unlock()
	for ; n > 0 && ctx.Err() == nil; n-- {
		j.mu.Lock()
		g := j.waiting.take()
		j.mu.Unlock()
		if g != nil {
			j.guard(g, func() { j.keep(g) })
		}
	}
	j.mu.Lock()
	open := j.waiting.openGroups()
	j.mu.Unlock()
	for _, g := range open {
		j.guard(g, func() { j.redactSingles(g) })
	}
}

// guard recovers a panic and drops the calls of the group, because the input may be hostile.
func (j *Journal) guard(g *group, do func()) {
	defer func() {
		if p := recover(); p != nil {
			j.mu.Lock()
			j.dropped += uint64(j.waiting.forget(g))
			j.mu.Unlock()
			j.redactor = newRedactor()
			j.cfg.Log.Error("journal cannot keep calls", logging.KeyPanic, p)
		}
	}()
	do()
}

// keep moves a group that has its translation to the kept entries.
func (j *Journal) keep(g *group) {
	j.redactSingles(g)
	gateway, name := g.gateway()
	last := j.kept.last(name)
	if last != nil && j.redactor.isSame(g, last) {
		j.kept.again(last, g)
		return
	}
	k, err := j.redactor.pack(g, gateway, last)
	switch {
	case err != nil: // impossible, as it writes to memory
		j.cfg.Log.Error("journal cannot keep calls", logging.KeyError, err)
	case last != nil && k.digest == last.digest:
		j.kept.again(last, g)
		return
	case j.kept.put(name, k):
		return
	}
	j.drop(len(g.done.list) + 1)
}

// redactSingles redacts the single-resource calls of a group.
func (j *Journal) redactSingles(g *group) {
	j.mu.Lock()
	raw := j.waiting.takeRaw(g)
	j.mu.Unlock()
	for _, t := range raw {
		s := j.redactor.single(t)
		j.mu.Lock()
		j.dropped += uint64(g.add(s, j.waiting.room(g, j.cfg.Bytes/4)))
		j.mu.Unlock()
	}
}

func (j *Journal) drop(calls int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dropped += uint64(calls)
}

// Stats are statistics of a journal.
type Stats struct {
	// Bytes and Calls count what is kept, Dropped the calls that were dropped.
	Bytes, Calls, Dropped uint64
}

// Stats returns the statistics.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	bytes, calls := j.kept.size()
	return Stats{Bytes: uint64(bytes), Calls: uint64(calls), Dropped: j.dropped}
}

// isTranslation reports whether a call ends a group.
func isTranslation(c *engine.Call) bool { return c.Hook == mutator.HookTranslation }
