package kube

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// repeatAfter is when an outcome that is bad and still true is written once more: by
	// then the API server has forgotten the Event (--event-ttl, an hour by default).
	repeatAfter = time.Hour
	// A key may be written this often in a row, and then once in a while: one who edits a
	// policy sees each step, and two sides that undo each other's work do not flood anyone.
	keyBurst = 10
	keyEvery = time.Minute
	// maxTexts bounds what is remembered of one key.
	maxTexts = 32
)

// memory knows what was written. It is for one goroutine.
type memory struct{ records *lru.Cache }

// record is what was written of one key.
type record struct {
	last   string // id
	at     time.Time
	counts map[string]int // how often, by id
	limit  *rate.Limiter
}

func newMemory() memory { return memory{lru.New(maxOutcomes)} }

func (m memory) of(k key) *record {
	if r, ok := m.records.Get(k); ok {
		return r.(*record)
	}
	r := &record{counts: map[string]int{}, limit: rate.NewLimiter(rate.Every(keyEvery), keyBurst)}
	m.records.Add(k, r)
	return r
}

// holds reports whether the outcome is what was written last. What is not in effect is
// written again after a while if it is reported again; that a policy is in effect, or a shadow, is not.
func (r *record) holds(id string, reason mutator.Reason) bool {
	return r.last == id && (reason == mutator.Programmed || reason == mutator.Shadow || time.Since(r.at) < repeatAfter)
}

// delay is how long the key has to wait because of its limit. If that is not at all, it is
// counted.
func (r *record) delay() time.Duration {
	reservation := r.limit.Reserve()
	wait := reservation.Delay()
	if wait > 0 {
		reservation.Cancel()
	}
	return wait
}

// add remembers what was written.
func (r *record) add(id string, what result) {
	if len(r.counts) >= maxTexts {
		clear(r.counts)
	}
	if what != repeated {
		r.counts[id] = 0 // it is new, or it was forgotten and is new again
	}
	r.counts[id]++
	r.last, r.at = id, time.Now()
}
