package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/egraft/egraft/pkg/mutator"
)

// How long an input stays in quarantine: at first, and at most. The wait doubles each time
// that it was of no use.
const (
	firstQuarantine   = 10 * time.Second
	longestQuarantine = 10 * time.Minute
)

// maxQuarantined bounds the memory of the quarantine to some 300 kB. Past it the input that
// would be the next to leave does so, which means that it is run again.
const maxQuarantined = 1024

// QuarantineError is the error of a mutator that is not run because it panicked or took
// too long on the same input a short time ago.
type QuarantineError struct {
	// Cause is what it came to then.
	Cause string
}

// Error tells the cause. It does not tell until when: a text that is new at each call is
// logged at each call.
func (e *QuarantineError) Error() string {
	return "not run on the same input again for some time: " + e.Cause
}

// quarantine remembers on which inputs mutators must not be run for a while. It is safe
// for concurrent use.
type quarantine struct {
	mu      sync.Mutex
	entries map[suspect]quarantined
	size    atomic.Int64 // of entries
}

// suspect is a mutator and a resource.
type suspect struct {
	family string
	kind   mutator.Kind
	name   string
}

// quarantined is the input on which a suspect failed.
type quarantined struct {
	input [sha256.Size]byte
	until time.Time
	wait  time.Duration
	cause string
}

func newQuarantine() *quarantine { return &quarantine{entries: map[suspect]quarantined{}} }

// empty is asked for every resource, and so without a lock.
func (q *quarantine) empty() bool { return q.size.Load() == 0 }

// check returns an error if the suspect must not be run on the input.
func (q *quarantine) check(s suspect, input func() [sha256.Size]byte) error {
	if q.empty() {
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

// note takes up what a run came to: a panic or a lack of time begins a quarantine or makes
// it longer, success ends it.
func (q *quarantine) note(s suspect, input func() [sha256.Size]byte, err error) {
	panicked, timeout := (*PanicError)(nil), (*TimeoutError)(nil)
	isBad := errors.As(err, &panicked) || errors.As(err, &timeout)
	if !isBad && (err != nil || q.empty()) {
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

func (q *quarantine) add(s suspect, input [sha256.Size]byte, cause string) {
	now, wait := time.Now(), firstQuarantine
	if e, ok := q.entries[s]; ok && e.input == input {
		wait = min(2*e.wait, longestQuarantine)
	} else if !ok && len(q.entries) >= maxQuarantined {
		q.makeRoom(now)
	}
	q.entries[s] = quarantined{input, now.Add(wait), wait, cause}
}

// makeRoom forgets what is over, and at least one entry.
func (q *quarantine) makeRoom(now time.Time) {
	var next suspect
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

// forgotten tells whether the entry does not even count for the next wait any more.
func (e *quarantined) forgotten(now time.Time) bool { return now.Sub(e.until) > e.wait }

// count is the number of inputs on which mutators are not run.
func (q *quarantine) count() (n int) {
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

// inputDigest stands for all that a mutator may read for a resource: the resource, the
// custom resources and host names of the call, and what leads to it if it is a cluster.
// If a mutator reads more of the routes, a change there does not end a quarantine early.
func inputDigest(in *mutator.Input, s suspect, raw []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	writeParts(h, string(in.Hook), string(raw), in.Objects.Digest())
	writeParts(h, in.Hostnames...)
	if s.kind == mutator.KindCluster && in.Reach != nil {
		if r := in.Reach().Of(s.name); r != nil {
			fmt.Fprint(h, r.Listeners(), r.Marks())
		}
	}
	h.Sum(sum[:0])
	return sum
}

// writeParts writes texts with their lengths, so that they cannot run together.
func writeParts(h hash.Hash, parts ...string) {
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p))) // a hash takes everything
		_, _ = h.Write([]byte(p))
	}
}
