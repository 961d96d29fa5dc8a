package main

import (
	"math"
	"slices"
)

// goal is a target of docs/performance.md.
type goal struct {
	what            string
	measured, limit float64
	atLeast         bool
}

func (g goal) met() bool {
	if g.atLeast {
		return g.measured >= g.limit
	}
	return g.measured <= g.limit
}

func (g goal) sign() string {
	if g.atLeast {
		return ">="
	}
	return "<="
}

// goals are those that the measurements say something about.
func goals(all []measurement, idle float64) []goal {
	const size = 10_000
	list := []goal{{"megabytes when idle", idle / 1e6, 30, false}}
	if single := find(all, "single-hook", 1, "egraft"); single.NsOp > 0 {
		list = append(list, goal{"single-resource hook / echo", ratio(single, find(all, "single-hook", 1, "echo")), 1.1, false})
	}
	if find(all, "none-targeted", size, "egraft").NsOp == 0 {
		return list
	}
	of := func(name, server string) measurement { return find(all, name, size, server) }
	none, warm := of("none-targeted", "egraft"), of("all-warm", "egraft")
	list = append(list,
		goal{"nothing targeted / echo", ratio(none, of("none-targeted", "echo")), 1.3, false},
		goal{"plain / nothing targeted", ratio(of("none-targeted", "plain"), none), 10, true},
		goal{"all targeted, unchanged / echo", ratio(warm, of("all-warm", "echo")), 2, false},
		goal{"plain / all targeted, unchanged", ratio(of("all-warm", "plain"), warm), 10, true},
		// Each in terms of the echo of its own rounds, since minutes are between them.
		goal{"one changed / unchanged", ratio(of("one-changed", "egraft"), of("one-changed", "echo")) / ratio(warm, of("all-warm", "echo")), 1.1, false},
		goal{"all new / plain", ratio(of("all-new", "egraft"), of("all-new", "plain")), 1, false},
	)
	if small := find(all, "none-targeted", 1000, "egraft"); small.NsOp > 0 {
		// What gRPC allocates for each frame is the same in the echo.
		ours := func(size int) float64 {
			return float64(find(all, "none-targeted", size, "egraft").AllocsOp - find(all, "none-targeted", size, "echo").AllocsOp)
		}
		list = append(list, goal{"allocations beyond echo's per resource, nothing targeted", (ours(size) - ours(1000)) / (size - 1000), 0.01, false})
	}
	// Not every case has been measured.
	return slices.DeleteFunc(list, func(g goal) bool { return math.IsNaN(g.measured) })
}

func ratio(a, b measurement) float64 { return float64(a.NsOp) / float64(b.NsOp) }
