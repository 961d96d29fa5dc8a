package progress

import (
	"fmt"
	"strings"
	"time"
)

const (
	// window is the time of which the speed is taken: what comes first in a build is not what
	// comes last, and other builds run for a while beside it.
	window = time.Minute
	// early is the time in which nothing is said of the rest.
	early = 10 * time.Second
	// late is a rest of which nothing is said: the task has hardly a processor to run on.
	late = time.Hour
)

// Task is work that goes on.
type Task struct {
	display *Display
	name    string
	begun   time.Time

	// Below, display.mu is held.
	steps, all   int
	size, whole  int64
	unit, ending string
	seen         []seen
}

// seen is how far a task was.
type seen struct {
	at   time.Time
	size int64
}

// Expect says of how many steps a task is, what they are called, the sum of their sizes, and
// what comes after them.
func (t *Task) Expect(steps int, size int64, unit, ending string) {
	t.display.mu.Lock()
	defer t.display.mu.Unlock()
	t.all, t.whole, t.unit, t.ending = steps, size, unit, ending
	t.seen = []seen{{time.Now(), 0}}
}

// Step notes that another step has begun, after those with a size in sum.
func (t *Task) Step(size int64) {
	t.display.mu.Lock()
	defer t.display.mu.Unlock()
	t.steps++
	t.size += size
	now := time.Now()
	if last := t.seen; len(last) > 0 && now.Sub(last[len(last)-1].at) >= time.Second {
		t.seen = append(t.seen, seen{now, t.size})
	}
	for len(t.seen) > 2 && now.Sub(t.seen[1].at) >= window {
		t.seen = t.seen[1:]
	}
}

// End ends the task and returns how long it took.
func (t *Task) End() time.Duration {
	t.display.remove(t)
	return time.Since(t.begun)
}

// text is the task in words.
func (t *Task) text(now time.Time) string {
	took := brief(now.Sub(t.begun).Round(time.Second))
	switch {
	case t.all == 0:
		return fmt.Sprintf("%s: %s so far", t.name, took)
	case t.steps >= t.all && t.ending != "":
		return fmt.Sprintf("%s: %s, %s so far", t.name, t.ending, took)
	}
	text := fmt.Sprintf("%s: %d of %d %s, %s so far", t.name, t.steps, t.all, t.unit, took)
	if rest := t.rest(now); rest > 0 {
		text += ", about " + brief(rest) + " left"
	}
	return text
}

// rest is an estimate of how long a task will take, 0 if there is none.
func (t *Task) rest(now time.Time) time.Duration {
	first := t.seen[0]
	took, did := now.Sub(first.at), t.size-first.size
	if now.Sub(t.begun) < early || took <= 0 || did <= 0 {
		return 0
	}
	rest := time.Duration(float64(took) * float64(t.whole-t.size) / float64(did))
	if rest > late {
		return 0
	}
	if rest > 2*time.Minute {
		return rest.Round(time.Minute)
	}
	return max(rest.Round(10*time.Second), 10*time.Second)
}

// String is how far the task is.
func (t *Task) String() string {
	t.display.mu.Lock()
	defer t.display.mu.Unlock()
	return t.text(time.Now())
}

// brief leaves out seconds that are none: "3m" and not "3m0s".
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}
