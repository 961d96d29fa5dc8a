package kube

import (
	"sync"
	"time"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// maxOutcomes bounds the table and the records of writes to a few megabytes. An outcome is one
	// policy on one Gateway.
	maxOutcomes = 10_000
	// settle is how long an outcome waits for others of the same object, since a translation makes
	// many calls.
	settle = time.Second
)

// table holds the outcomes to write.
type table struct {
	mu     sync.Mutex
	latest map[key]outcome
}

// put adds an outcome, and returns false if the table is full.
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

// merge combines two outcomes of the same key. The later one applies unless it is of an older
// generation. If the key names no Gateway, the two may be about different resources of one
// translation: then the policy without effect takes precedence, because users need to know about
// it.
func merge(k key, before, now outcome) outcome {
	if before.uid == now.uid && before.generation > now.generation {
		return before
	}
	now.since = before.since // otherwise a busy Gateway would delay it forever
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

// done removes an outcome unless a newer one has replaced it, whose key is queued again.
func (t *table) done(k key, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.latest[k] == o {
		delete(t.latest, k)
	}
}
