package engine

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/policy"
)

// reading reads the custom resources of a call. Of each the header is read at once, in a time
// that is linear in its size. What follows depends on what a tenant wrote, and is watched: an
// object that panics or times out is one that cannot be used, with valid targets, and is not
// read again for a while.
type reading struct {
	read     policy.WatchedRead
	objects  *cache.Table[objectKey, *policy.Object]
	sandbox  *sandbox.Sandbox
	deadline time.Time // of the call, zero if it has none

	mu       sync.Mutex
	slow     int // how many objects timed out
	failures []error
	again    time.Time // when an object that could not be read may be tried again
}

// slowError is the error of an object that timed out. Its text is the same at each call.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string { return "timed out" }
func (e *slowError) Unwrap() error { return &sandbox.TimeoutError{Limit: e.limit} }

// unreadable is why an object is not used. Its text is the same in quarantine.
type unreadable struct {
	text  string
	cause error
}

func (e *unreadable) Error() string { return "cannot be read: " + e.text }

// object reads a custom resource, one of the same bytes once.
func (r *reading) object(raw []byte) (*policy.Object, error) {
	key := objectKey{raw}
	if found := r.objects.Get(key); found != nil {
		own := *found.Value // who is the same object must not depend on what is cached
		return &own, nil
	}
	failed := false
	o, err := r.read(raw, func(of *policy.Object, read func() policy.Content) (policy.Content, error) {
		c, err := r.content(of, raw, read)
		failed = err != nil
		return c, err
	})
	if o != nil && err == nil && !failed {
		// Its text and what was made of it are about as large.
		r.objects.Put(key, o, 2*len(raw))
	}
	return o, err
}

// content lets an object be decoded and validated in the time that there is for it.
func (r *reading) content(of *policy.Object, raw []byte, read func() policy.Content) (policy.Content, error) {
	s := sandbox.Key{Kind: of.GroupVersionKind.String(), Name: of.Namespace + "/" + of.Name}
	input := func() sandbox.Digest { return sha256.Sum256(raw) }
	q := r.sandbox.Quarantine
	err := q.Check(s, input)
	if err != nil {
		return policy.Content{}, r.failed(of, err)
	}
	if err = r.sandbox.Full(of.Namespace); err != nil {
		return policy.Content{}, r.failed(of, err)
	}
	c, err := r.within(r.limit(), of.Namespace, read)
	if q.Note(s, input, err); err != nil {
		return policy.Content{}, r.failed(of, err)
	}
	return c, nil
}

// mostHalvings bounds how short the limit gets: with [sandbox.DefaultTimeout] to 156 ms, which is
// long for an object, also where processors are busy with others.
const mostHalvings = 5

// limit is how long the next object may take: half as long after each that timed out, and no
// more than a quarter of what is left of the call's time.
func (r *reading) limit() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.sandbox.Timeout >> min(r.slow, mostHalvings)
	if !r.deadline.IsZero() {
		limit = min(limit, time.Until(r.deadline)/4)
	}
	return max(limit, min(sandbox.LastMoment, r.sandbox.Timeout))
}

// failed notes that an object could not be read, and returns why in a form that goes to users.
func (r *reading) failed(of *policy.Object, err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &unreadable{err.Error(), err}
	if q := (*sandbox.QuarantineError)(nil); errors.As(err, &q) {
		e.text = q.Cause
	}
	if s := (*slowError)(nil); errors.As(err, &s) {
		r.slow++
	}
	r.failures = append(r.failures, fmt.Errorf("%s %w", of, &readFailure{e}))
	r.again = time.Now().Add(sandbox.FirstQuarantine)
	return e
}

// readFailure is for the log: with the cause, of which a panic has a stack. What becomes of the
// mutator that wants the object is another matter, and has [unreadable] alone.
type readFailure struct{ *unreadable }

func (e *readFailure) Unwrap() error { return e.cause }

// set reads the custom resources of a call. What mutators have it read later, from what another
// hook left, is not limited by the time of this call.
func (r *reading) set(raw [][]byte) (set *policy.Set, warnings []error) {
	set, err := policy.ReadSet(r.object, raw)
	r.deadline = time.Time{}
	if err != nil {
		warnings = append(warnings, err)
	}
	return set, append(warnings, r.failures...)
}

// over tells whether there is an object that may be tried again.
func (r *reading) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.again.IsZero() && !time.Now().Before(r.again)
}

// within runs read and abandons it when its time is over.
func (r *reading) within(limit time.Duration, namespace string, read func() policy.Content) (policy.Content, error) {
	c, err := sandbox.RunFor(limit, r.sandbox, namespace, func() (policy.Content, error) { return read(), nil })
	if t := (*sandbox.TimeoutError)(nil); errors.As(err, &t) {
		return c, &slowError{limit}
	}
	return c, err
}
