package sandbox

import (
	"crypto/sha256"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// FirstQuarantine and LongestQuarantine bound how long an input is quarantined. The time doubles
// with each failure on the same input.
const (
	FirstQuarantine   = 10 * time.Second
	LongestQuarantine = 10 * time.Minute
)

// maxQuarantined bounds the memory of the quarantine to about 300 kB. When it is reached, the entry
// that expires next is removed early, so code runs on that input again.
const maxQuarantined = 1024

// Quarantine holds the inputs on which code is not run for now. It is safe for concurrent use.
type Quarantine struct {
	mu      sync.Mutex
	entries map[Key]quarantined
	size    atomic.Int64 // len(entries)
}

// Key identifies the owner of the code and the input by kind and name.
type Key struct{ Owner, Kind, Name string }

// Digest is a hash of the input.
type Digest = [sha256.Size]byte

// quarantined is an input on which code failed.
type quarantined struct {
	input Digest
	until time.Time
	wait  time.Duration
	cause string
}

func newQuarantine() *Quarantine { return &Quarantine{entries: map[Key]quarantined{}} }

// IsEmpty takes no lock because it is called for every resource.
func (q *Quarantine) IsEmpty() bool { return q.size.Load() == 0 }

// Check returns a [QuarantineError] if the code must not be run on the input.
func (q *Quarantine) Check(s Key, input func() Digest) error {
	if q.IsEmpty() {
		return nil
	}
	q.mu.Lock()
	e, ok := q.entries[s]
	q.mu.Unlock()
	if !ok || !time.Now().Before(e.until) || e.input != input() {
		return nil
	}
	return &QuarantineError{e.cause}
}

// Note records the result of a run: a panic or a timeout starts or extends a quarantine, and
// success ends it.
func (q *Quarantine) Note(s Key, input func() Digest, err error) {
	panicked, timeout := (*PanicError)(nil), (*TimeoutError)(nil)
	isBad := errors.As(err, &panicked) || errors.As(err, &timeout)
	if !isBad && (err != nil || q.IsEmpty()) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if isBad {
		q.add(s, input(), err.Error())
	} else {
		delete(q.entries, s)
	}
	q.size.Store(int64(len(q.entries)))
}

func (q *Quarantine) add(s Key, input Digest, cause string) {
	now, wait := time.Now(), FirstQuarantine
	if e, ok := q.entries[s]; ok && e.input == input {
		wait = min(2*e.wait, LongestQuarantine)
	} else if !ok && len(q.entries) >= maxQuarantined {
		q.makeRoom(now)
	}
	q.entries[s] = quarantined{input, now.Add(wait), wait, cause}
}

// makeRoom removes the forgotten entries, and at least one entry.
func (q *Quarantine) makeRoom(now time.Time) {
	var next Key
	for s, e := range q.entries {
		if e.forgotten(now) {
			delete(q.entries, s)
		} else if first, ok := q.entries[next]; !ok || e.until.Before(first.until) {
			next = s
		}
	}
	if len(q.entries) >= maxQuarantined {
		delete(q.entries, next)
	}
}

// forgotten reports whether the entry is too old to lengthen the next quarantine.
func (e *quarantined) forgotten(now time.Time) bool { return now.Sub(e.until) > e.wait }

// Count returns the number of quarantined inputs.
func (q *Quarantine) Count() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	for s, e := range q.entries {
		if e.forgotten(now) {
			delete(q.entries, s)
		} else if now.Before(e.until) {
			n++
		}
	}
	q.size.Store(int64(len(q.entries)))
	return n
}
