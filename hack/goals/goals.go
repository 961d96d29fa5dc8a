// Package goals has the targets for hook calls, with which `make bench` and docs/performance.md
// compare the measurements. It measures nothing.
package goals

import "math"

// Goal is a target and the measured value.
type Goal struct {
	What            string
	Measured, Limit float64
	// AtLeast makes the limit a minimum instead of a maximum.
	AtLeast bool
}

// wasMeasured is false for ratios of measurements that took no time.
func (g Goal) wasMeasured() bool { return g.Measured > 0 && !math.IsInf(g.Measured, 1) }

// Met reports whether a measurement exists and reaches the target.
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

// clusters is the number of clusters for which the targets are defined.
const clusters = 10_000

// OfCalls returns the targets that the measurements cover. took returns the duration of a call by
// case, clusters and server, in any unit, and 0 if it was not measured.
func OfCalls(took func(name string, clusters int, server string) float64) []Goal {
	of := func(name, server string) float64 { return took(name, clusters, server) }
	echoes := func(name string) float64 { return of(name, "egraft") / of(name, "echo") }
	all := []Goal{
		{"nothing targeted / echo", echoes("none-targeted"), 1.3, false},
		{"plain / nothing targeted", of("none-targeted", "plain") / of("none-targeted", "egraft"), 10, true},
		{"all targeted, unchanged / echo", echoes("all-warm"), 2, false},
		{"plain / all targeted, unchanged", of("all-warm", "plain") / of("all-warm", "egraft"), 10, true},
		// Each is relative to the echo of its own rounds, since minutes pass between them.
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
