package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// maxAbandoned is how many runs of one family may go on behind the engine's back. Each of
// them keeps a goroutine, a copy of a resource and perhaps a whole processor, and nothing
// but the end of the process takes these back. With [DefaultMutatorTimeout] this many take
// 20 s of a call, which leaves time for the others. Runs that are side by side may go over
// it by as many as there are.
const maxAbandoned = 4

// itself is the family of what is not one family's: a call as a whole.
const itself = ""

// abandoned counts the runs that nobody waits for any more and that have not ended.
type abandoned struct {
	mu sync.Mutex
	of map[string]int // by family
}

// started is one run.
type started struct {
	family           string
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
	if a.of[s.family]--; a.of[s.family] == 0 {
		delete(a.of, s.family)
	}
}

// abandon is called when nobody waits for the run any more.
func (a *abandoned) abandon(s *started) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !s.ended {
		s.abandoned = true
		a.of[s.family]++
	}
}

// full is the reason not to start another run of the family.
func (a *abandoned) full(family string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of[family] < maxAbandoned {
		return nil
	}
	return fmt.Errorf("not run: %d earlier runs took too long and have not ended", a.of[family])
}

// total is the number of all families together.
func (a *abandoned) total() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, of := range a.of {
		n += of
	}
	return n
}

// err names the families that are not run any more.
func (a *abandoned) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for _, family := range slices.Sorted(maps.Keys(a.of)) {
		switch n := a.of[family]; {
		case n < maxAbandoned:
		case family == itself:
			errs = append(errs, fmt.Errorf("%d calls took too long and have not ended", n))
		default:
			errs = append(errs, fmt.Errorf("mutator %s is not run any more: %d runs took too long and have not ended", family, n))
		}
	}
	return errors.Join(errs...)
}
