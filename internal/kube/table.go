package kube

import (
	"sync"
	"time"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// maxOutcomes bounds the table, and what is remembered of what was written: some
	// megabytes. An outcome is one policy on one Gateway.
	maxOutcomes = 10_000
	// settle is how long an outcome waits for others of the same object, since a
	// translation makes many calls about it.
	settle = time.Second
)

// table has the outcomes that are to be written.
type table struct {
	mu     sync.Mutex
	latest map[key]outcome
}

// put adds an outcome, or reports that there is no room.
func (t *table) put(k key, o outcome) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, waits := t.latest[k]
	if !waits && len(t.latest) >= maxOutcomes {
		return false
	}
	if waits {
		o = merge(k, before, o)
	}
	t.latest[k] = o
	return true
}

// merge decides between two outcomes of the same key: the later one is true, unless it is
// of an older object. Where the key names no Gateway the two may be of different resources
// in one translation, and the one that is not in effect is what a user has to know.
func merge(k key, before, now outcome) outcome {
	if before.uid == now.uid && before.generation > now.generation {
		return before
	}
	now.since = before.since // or a busy Gateway would put it off for ever
	same := before.uid == now.uid && before.generation == now.generation && now.burst.Sub(before.burst) < settle
	if !same || k.gateway != "" {
		return now
	}
	if now.reason == mutator.Programmed {
		return before
	}
	now.burst = before.burst
	return now
}

func (t *table) get(k key) (outcome, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o, ok := t.latest[k]
	return o, ok
}

// done removes an outcome unless there is another one by now, whose key is in the queue
// again.
func (t *table) done(k key, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.latest[k] == o {
		delete(t.latest, k)
	}
}
