package main

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/hack/goals"
)

// table is a Markdown table.
type table struct{ strings.Builder }

func newTable(columns ...string) *table {
	t := &table{}
	t.row(columns...)
	t.WriteString("|---" + strings.Repeat("|--:", len(columns)-1) + "|\n")
	return t
}

func (t *table) row(cells ...string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// callsTable lists all cases at all sizes.
func (n *numbers) callsTable() string {
	t := newTable("case", "clusters", "egraft", "echo", "plain", "example", "egraft / echo", "plain / egraft", "allocations")
	for _, c := range n.calls {
		if c.Server != "egraft" {
			continue
		}
		of := func(server string) call { return n.call(c.Case, c.Resources, server) }
		t.row(c.Case, thousands(c.Resources), ms(c), ms(of("echo")), ms(of("plain")), ms(of("example")),
			fmt.Sprintf("%.2f", over(c, of("echo"))), fmt.Sprintf("%.1f", over(of("plain"), c)), thousands(int(c.AllocsOp)))
	}
	return t.String()
}

// policiesTable compares each policy with the first one.
func (n *numbers) policiesTable() string {
	t := newTable("case", "clusters", "policy", "egraft", "processor time", "× "+n.policies[0].Server, "allocations")
	first := map[string]call{}
	for _, c := range n.policies {
		if first[c.Case].Case == "" {
			first[c.Case] = c
		}
		t.row(c.Case, thousands(c.Resources), c.Server, ms(c), milliseconds(float64(c.CPUOp)/1e6), fmt.Sprintf("%.2f", float64(c.CPUOp)/float64(first[c.Case].CPUOp)), thousands(int(c.AllocsOp)))
	}
	return t.String()
}

// callsGoals compares with the targets, which are defined for 10,000 clusters.
func (n *numbers) callsGoals() string {
	t := newTable("10,000 clusters", "measured", "target", "")
	for _, g := range goals.OfCalls(func(name string, clusters int, server string) float64 {
		return float64(n.call(name, clusters, server).NsOp)
	}) {
		t.row(g.What, fmt.Sprintf("%.2f", g.Measured), target(g), verdict(g))
	}
	return t.String()
}

// gatewayTable lists all variants at all sizes.
func (n *numbers) gatewayTable() string {
	t := newTable("", "routes", "translation", "× none", "to snapshot", "slowest", "Envoy Gateway's CPU", "server's CPU", "calls", "in egraft", "sent", "returned")
	for _, r := range n.gateway {
		cells := []string{
			described[r.Variant], thousands(r.Routes), milliseconds(r.Median), fmt.Sprintf("%.2f", n.ratio(r)), milliseconds(r.Snapshot), milliseconds(r.Slowest),
			milliseconds(r.GatewayCPU), "", "", "", "", "",
		}
		if r.Variant != "none" {
			cells[7] = milliseconds(r.ServerCPU)
		}
		if r.Calls > 0 {
			cells[8], cells[9] = fmt.Sprintf("%.0f", r.Calls), milliseconds(r.CallsTime)
			cells[10], cells[11] = kilobytes(r.RequestBytes), kilobytes(r.ResponseBytes)
		}
		t.row(cells...)
	}
	return t.String()
}

// gatewayGoals compares with the targets.
func (n *numbers) gatewayGoals() string {
	t := newTable("", "routes", "measured", "target", "")
	add := func(r translation, what string, measured, limit float64) {
		g := goals.Goal{What: what, Measured: measured, Limit: limit}
		t.row(described[r.Variant]+": "+g.What, thousands(r.Routes), fmt.Sprintf("%.2f", g.Measured), target(g), verdict(g))
	}
	overEcho := func(r translation, echo, what string) {
		for _, e := range n.gateway {
			if e.Variant == echo && e.Routes == r.Routes {
				add(r, "translation × "+what, r.Median/e.Median, 1.1)
			}
		}
	}
	for _, r := range n.gateway {
		switch r.Variant {
		case "egraft", "egraft-policy":
			add(r, "translation × none", n.ratio(r), 1.1)
			overEcho(r, "echo", "raw echo")
			if r.Variant == "egraft-policy" {
				overEcho(r, "echo-copies", described["echo-copies"])
			}
		case "egraft-all", "egraft-all-policy":
			// ratio is the median divided by that without a server, so this is the latter.
			none := r.Median / n.ratio(r)
			add(r, "time in egraft / the rest of what the hooks add", r.CallsTime/(r.Median-none-r.CallsTime), 1)
			overEcho(r, "echo-all", "raw echo")
		}
	}
	return t.String()
}

func target(g goals.Goal) string {
	if g.AtLeast {
		return fmt.Sprintf("≥ %g", g.Limit)
	}
	return fmt.Sprintf("≤ %g", g.Limit)
}

func verdict(g goals.Goal) string {
	if g.Met() {
		return "met"
	}
	return "**missed**"
}

func over(a, b call) float64 { return float64(a.NsOp) / float64(max(b.NsOp, 1)) }

// ms formats the duration of a call in milliseconds.
func ms(c call) string {
	if c.NsOp == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ms", float64(c.NsOp)/1e6)
}

func kilobytes(bytes float64) string { return thousands(int(bytes/1e3+0.5)) + " kB" }
