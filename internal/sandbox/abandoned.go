package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// maxAbandoned is the maximum number of abandoned goroutines of one owner. Each occupies memory and
// perhaps a whole CPU until it returns; only the end of the process can stop it. With
// [DefaultTimeout], reaching the maximum takes 20 s of a call, which leaves time for other owners.
// Concurrent runs may exceed it by their number.
const maxAbandoned = 4

// WholeCall is the owner of work that belongs to a call as a whole, not to one owner.
const WholeCall = ""

// abandoned counts the abandoned runs that are still running.
type abandoned struct {
	mu sync.Mutex
	of map[string]int // by owner
}

type started struct {
	owner            string
	ended, abandoned bool
}

// end records that the run has returned, however late.
func (a *abandoned) end(s *started) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.ended = true
	if !s.abandoned {
		return
	}
	if a.of[s.owner]--; a.of[s.owner] == 0 {
		delete(a.of, s.owner)
	}
}

// abandon records that the caller no longer waits for the run.
func (a *abandoned) abandon(s *started) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.ended {
		s.abandoned = true
		a.of[s.owner]++
	}
}

// Full returns the reason not to start another run of an owner, or nil.
func (s *Sandbox) Full(owner string) error { return s.abandoned.full(owner) }

func (a *abandoned) full(owner string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[owner] < maxAbandoned {
		return nil
	}
	return fmt.Errorf("not run: %d timed-out goroutines still running", a.of[owner])
}

// Abandoned returns the number of abandoned runs that are still running.
func (s *Sandbox) Abandoned() int { return s.abandoned.total() }

func (a *abandoned) total() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, of := range a.of {
		n += of
	}
	return n
}

// Err names the owners that are disabled because too many of their abandoned runs are still
// running.
func (s *Sandbox) Err() error { return s.abandoned.err() }

func (a *abandoned) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, owner := range slices.Sorted(maps.Keys(a.of)) {
		switch n := a.of[owner]; {
		case n < maxAbandoned:
		case owner == WholeCall:
			errs = append(errs, fmt.Errorf("%d timed-out calls still running", n))
		default:
			errs = append(errs, fmt.Errorf("feature %s disabled: %d timed-out goroutines still running", owner, n))
		}
	}
	return errors.Join(errs...)
}
