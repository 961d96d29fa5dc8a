// Package journal keeps the calls of Envoy Gateway that a serving egraft answered, so that they can be
// run again: for each Gateway the last call of the Translation hook, the calls for single resources
// that belong to it, and some before them that differ.
//
// A call is handed over by reference and is redacted and compressed later, by one goroutine that rests
// most of the time. Nothing that was not redacted is kept for longer than it waits, nothing grows
// without bound, and nothing here can hold up or fail a call of Envoy Gateway.
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

// Config is what a [Journal] needs.
type Config struct {
	// Bytes bounds what is kept, as it is compressed. It must be more than 0.
	Bytes int64
	// WaitingBytes bounds what waits to be kept, as it came; a default if 0. One call always can.
	WaitingBytes int64
	// Connection tells connections of Envoy Gateway apart, of which each makes one call at a time.
	Connection func(context.Context) uint64
	Log        *slog.Logger
}

// Journal keeps calls. Make one with [New].
type Journal struct {
	cfg  Config
	wake chan struct{} // has room for one
	full chan struct{} // has room for one: rest no more

	mu      sync.Mutex // for what follows, and never for long
	waiting waiting
	dropped uint64

	working  sync.Mutex // for the goroutine that keeps calls
	redactor *redactor

	kept kept
}

// defaultWaiting has room for some calls of 10,000 clusters.
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

// Keep takes a call that was answered. It only notes where the call is: the bytes of the call must not
// change any more. The response is that of the engine, also of a call that failed.
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
	default: // somebody did
	}
}

const (
	// shortestRest is how long calls are collected at least, so that many small ones are kept at once.
	shortestRest = 50 * time.Millisecond
	// share is how much longer than it works the journal rests: it has a tenth of a processor.
	share = 9
	// longestRest is how long the last call waits at most before it is kept.
	longestRest = 5 * time.Second
)

// Run keeps calls until ctx ends.
func (j *Journal) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
		}
		began := time.Now()
		j.Flush(ctx)
		j.rest(ctx, min(max(share*time.Since(began), shortestRest), longestRest))
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

// Flush keeps what waits now.
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

// guard survives a panic, at which the calls of the group are dropped: they come from outside.
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

// keep moves a group whose translation is there to what is kept.
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
	case err != nil: // cannot be, as it is written to memory
		j.cfg.Log.Error("journal cannot keep calls", logging.KeyError, err)
	case last != nil && k.digest == last.digest:
		j.kept.again(last, g)
		return
	case j.kept.put(name, k):
		return
	}
	j.drop(len(g.done.list) + 1)
}

// redactSingles redacts the calls of a group for single resources.
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

// Stats are figures of a journal.
type Stats struct {
	// Bytes and Calls are what is kept, Dropped the calls that could not be.
	Bytes, Calls, Dropped uint64
}

// Stats returns the figures.
func (j *Journal) Stats() Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	bytes, calls := j.kept.size()
	return Stats{Bytes: uint64(bytes), Calls: uint64(calls), Dropped: j.dropped}
}

// isTranslation tells which calls end a group.
func isTranslation(c *engine.Call) bool { return c.Hook == mutator.HookTranslation }
