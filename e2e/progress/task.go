package progress

import (
	"fmt"
	"strings"
	"time"
)

const (
	// window is the period over which the speed is measured: the first steps of a build differ from
	// the last, and other builds run at the same time for a while.
	window = time.Minute
	// early is the period at the start without an estimate.
	early = 10 * time.Second
	// late is a remaining time that is not shown: the task gets hardly any processor time.
	late = time.Hour
)

// Task is work in progress.
type Task struct {
	display *Display
	name    string
	begun   time.Time

	// display.mu guards the fields below.
	steps, all   int
	size, whole  int64
	unit, ending string
	seen         []seen
}

// seen is the progress of a task at a point in time.
type seen struct {
	at   time.Time
	size int64
}

// Expect sets the number of steps of a task, the sum of their sizes, their unit, and what follows
// them.
func (t *Task) Expect(steps int, size int64, unit, ending string) {
	t.display.mu.Lock()
	defer t.display.mu.Unlock()
	t.all, t.whole, t.unit, t.ending = steps, size, unit, ending
	t.seen = []seen{{time.Now(), 0}}
}

// Step records that another step has begun, and adds its size.
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

// text describes the progress of the task.
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

// rest returns an estimate of the remaining time, 0 if there is none.
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

// String describes the progress of the task.
func (t *Task) String() string {
	t.display.mu.Lock()
	defer t.display.mu.Unlock()
	return t.text(time.Now())
}

// brief omits zero seconds: "3m" instead of "3m0s".
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}
