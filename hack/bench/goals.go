package main

import "github.com/egraft/egraft/hack/goals"

// goalsOf returns the targets of docs/performance.md that the measurements cover.
func goalsOf(all []measurement, idle float64) []goals.Goal {
	list := append([]goals.Goal{{What: "megabytes when idle", Measured: idle / 1e6, Limit: 30}},
		goals.OfCalls(func(name string, clusters int, server string) float64 {
			return float64(find(all, name, clusters, server).NsOp)
		})...)
	// The echo has the same allocations by gRPC for each frame.
	const few, many = 1000, 10_000
	ours := func(size int) float64 {
		return float64(find(all, "none-targeted", size, "egraft").AllocsOp - find(all, "none-targeted", size, "echo").AllocsOp)
	}
	if ours(few) != 0 && ours(many) != 0 {
		list = append(list, goals.Goal{What: "allocations beyond echo's per resource, nothing targeted", Measured: (ours(many) - ours(few)) / (many - few), Limit: 0.01})
	}
	return list
}

func sign(g goals.Goal) string {
	if g.AtLeast {
		return ">="
	}
	return "<="
}
