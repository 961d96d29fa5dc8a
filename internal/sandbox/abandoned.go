package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// maxAbandoned is how many runs of one owner may go on when nobody waits for them. Each of them
// keeps a goroutine, what it works on and perhaps a whole processor, and nothing but the end of
// the process takes these back. With [DefaultTimeout] this many take 20 s of a call, which leaves
// time for the others. Runs that are side by side may go over it by as many as there are.
const maxAbandoned = 4

// WholeCall is the owner of what is not one owner's: a call as a whole.
const WholeCall = ""

// abandoned counts the runs that nobody waits for any more and that have not ended.
type abandoned struct {
	mu sync.Mutex
	of map[string]int // by owner
}

// started is one run.
type started struct {
	owner            string
	ended, abandoned bool
}

// end is called when the run returned, however late.
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

// abandon is called when nobody waits for the run any more.
func (a *abandoned) abandon(s *started) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.ended {
		s.abandoned = true
		a.of[s.owner]++
	}
}

// Full is the reason not to start another run of an owner, nil if there is none.
func (s *Sandbox) Full(owner string) error { return s.abandoned.full(owner) }

func (a *abandoned) full(owner string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[owner] < maxAbandoned {
		return nil
	}
	return fmt.Errorf("not run: %d timed-out goroutines still running", a.of[owner])
}

// Abandoned is the number of runs that nobody waits for any more and that have not ended.
func (s *Sandbox) Abandoned() int { return s.abandoned.total() }

func (a *abandoned) total() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, of := range a.of {
		n += of
	}
	return n
}

// Err names the owners whose code is not run because too many runs have not ended.
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
