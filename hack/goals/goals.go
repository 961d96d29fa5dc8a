// Package goals has the targets for calls of egraft, with which `make bench` and
// docs/performance.md compare what was measured. It measures nothing.
package goals

import "math"

// Goal is a target, and what was measured.
type Goal struct {
	What            string
	Measured, Limit float64
	// AtLeast says that the limit is the least that is wanted, and not the most.
	AtLeast bool
}

// wasMeasured is false for ratios of what took no time at all.
func (g Goal) wasMeasured() bool { return g.Measured > 0 && !math.IsInf(g.Measured, 1) }

// Met reports whether the target is reached, which takes a measurement.
func (g Goal) Met() bool {
	switch {
	case !g.wasMeasured():
		return false
	case g.AtLeast:
		return g.Measured >= g.Limit
	default:
		return g.Measured <= g.Limit
	}
}

// clusters is the size that the targets are for.
const clusters = 10_000

// OfCalls are the targets about which the measurements say something. The function returns what
// a call takes by case, clusters and server, in any unit, and 0 if it was not measured.
func OfCalls(took func(name string, clusters int, server string) float64) []Goal {
	of := func(name, server string) float64 { return took(name, clusters, server) }
	echoes := func(name string) float64 { return of(name, "egraft") / of(name, "echo") }
	all := []Goal{
		{"nothing targeted / echo", echoes("none-targeted"), 1.3, false},
		{"plain / nothing targeted", of("none-targeted", "plain") / of("none-targeted", "egraft"), 10, true},
		{"all targeted, unchanged / echo", echoes("all-warm"), 2, false},
		{"plain / all targeted, unchanged", of("all-warm", "plain") / of("all-warm", "egraft"), 10, true},
		// Each in terms of the echo of its own rounds, since minutes are between them.
		{"one changed / unchanged", echoes("one-changed") / echoes("all-warm"), 1.1, false},
		{"all new / plain", of("all-new", "egraft") / of("all-new", "plain"), 1, false},
		{"single-resource hook / echo", took("single-hook", 1, "egraft") / took("single-hook", 1, "echo"), 1.1, false},
	}
	var measured []Goal
	for _, g := range all {
		if g.wasMeasured() {
			measured = append(measured, g)
		}
	}
	return measured
}
