package kube

import (
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// repeatAfter is how long until a bad outcome that is still reported is written again: by then
	// the API server has deleted the Event (--event-ttl, one hour by default).
	repeatAfter = time.Hour
	// keyBurst and keyEvery limit writes of one key: the burst lets the author of a policy see each
	// step, and the rate prevents a flood if two writers undo each other's changes.
	keyBurst = 10
	keyEvery = time.Minute
	// maxTexts is the maximum number of counts of one key.
	maxTexts = 32
)

// memory records what was written. It is for one goroutine.
type memory struct{ records *lru.Cache }

// record is what was written for one key.
type record struct {
	last   string // id
	at     time.Time
	counts map[string]int // number of writes by id
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

// holds reports whether the outcome is the last one written. Policies without effect are written
// again after [repeatAfter] if they are still reported; policies that take effect and shadow
// policies are not.
func (r *record) holds(id string, reason mutator.Reason) bool {
	return r.last == id && (reason == mutator.Programmed || reason == mutator.Shadow || time.Since(r.at) < repeatAfter)
}

// delay returns how long the key must wait because of its rate limit. If it need not wait, the
// write counts.
func (r *record) delay() time.Duration {
	reservation := r.limit.Reserve()
	wait := reservation.Delay()
	if wait > 0 {
		reservation.Cancel()
	}
	return wait
}

// add records a write.
func (r *record) add(id string, what result) {
	if len(r.counts) >= maxTexts {
		clear(r.counts)
	}
	if what != repeated {
		r.counts[id] = 0 // the Event is new, or new again after it expired
	}
	r.counts[id]++
	r.last, r.at = id, time.Now()
}
