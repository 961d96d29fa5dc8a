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

// reading reads the custom resources of a call. It reads each header immediately, in linear time.
// The time for the rest depends on the tenant's content, so it has a timeout: an object that panics
// or times out is unusable, but has valid targets, and is quarantined.
type reading struct {
	read     policy.WatchedRead
	objects  *cache.Table[objectKey, *policy.Object]
	sandbox  *sandbox.Sandbox
	deadline time.Time // of the call, zero without one

	mu       sync.Mutex
	slow     int // number of objects that timed out
	failures []error
	again    time.Time // when to retry an object that could not be read
}

// slowError is the error of an object that timed out. Its text is the same in each call.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string { return "timed out" }
func (e *slowError) Unwrap() error { return &sandbox.TimeoutError{Limit: e.limit} }

// unreadable is the reason why an object is not used. Its text is the same in quarantine.
type unreadable struct {
	text  string
	cause error
}

func (e *unreadable) Error() string { return "cannot be read: " + e.text }

// object reads a custom resource, once for equal bytes.
func (r *reading) object(raw []byte) (*policy.Object, error) {
	key := objectKey{raw}
	if found := r.objects.Get(key); found != nil {
		own := *found.Value // a copy: identity must not depend on the cache
		return &own, nil
	}
	failed := false
	o, err := r.read(raw, func(of *policy.Object, read func() policy.Content) (policy.Content, error) {
		c, err := r.content(of, raw, read)
		failed = err != nil
		return c, err
	})
	if o != nil && err == nil && !failed {
		// The decoded object is about as large as its text.
		r.objects.Put(key, o, 2*len(raw))
	}
	return o, err
}

// content decodes and validates an object with a timeout.
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

// mostHalvings bounds how short the limit gets: 156 ms with [sandbox.DefaultTimeout], which is long
// for an object, even on busy CPUs.
const mostHalvings = 5

// limit returns the timeout of the next object. It is halved after each timeout, and is at most a
// quarter of the time left for the call.
func (r *reading) limit() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := r.sandbox.Timeout >> min(r.slow, mostHalvings)
	if !r.deadline.IsZero() {
		limit = min(limit, time.Until(r.deadline)/4)
	}
	return max(limit, min(sandbox.LastMoment, r.sandbox.Timeout))
}

// failed records that an object could not be read, and returns the reason in a form for users.
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

// readFailure is the error for the log, with its cause, since a panic has a stack. A mutator that
// uses the object gets only [unreadable].
type readFailure struct{ *unreadable }

func (e *readFailure) Unwrap() error { return e.cause }

// set reads the custom resources of a call. Reads that mutators cause later, of objects in route
// metadata, are not limited by the time left for this call.
func (r *reading) set(raw [][]byte) (set *policy.Set, warnings []error) {
	set, err := policy.ReadSet(r.object, raw)
	r.deadline = time.Time{}
	if err != nil {
		warnings = append(warnings, err)
	}
	return set, append(warnings, r.failures...)
}

// over reports whether an object may be retried.
func (r *reading) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.again.IsZero() && !time.Now().Before(r.again)
}

// within runs read and abandons it after the limit.
func (r *reading) within(limit time.Duration, namespace string, read func() policy.Content) (policy.Content, error) {
	c, err := sandbox.RunFor(limit, r.sandbox, namespace, func() (policy.Content, error) { return read(), nil })
	if t := (*sandbox.TimeoutError)(nil); errors.As(err, &t) {
		return c, &slowError{limit}
	}
	return c, err
}
