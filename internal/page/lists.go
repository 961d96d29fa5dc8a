package page

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
)

// policies returns a list of policies with their state.
func policies(all []*explain.Policy) g.Node {
	return h.Ul(h.Class("policies"), g.Map(all, func(p *explain.Policy) g.Node {
		return h.Li(
			h.Class(string(stateOf(p.InEffect))), h.H3(link(subjectAt(subjectOf(p)), p)),
			standing(p), shell(command("explain", subjectOf(p))),
		)
	}))
}

// standing returns whether a policy is in effect, and if not, why.
func standing(p *explain.Policy) g.Node {
	if p.InEffect {
		return g.Group{
			h.P(h.Class("state ok"), g.Text("in effect")),
			g.Map(p.Outcomes, func(o explain.Outcome) g.Node { return h.P(text(o.Message)) }),
		}
	}
	s := stopped(p)
	if s == nil {
		return h.P(h.Class("state failed"), g.Text("not in effect"))
	}
	why := findings(s.Findings)
	if len(s.Findings) == 0 {
		why = h.P(text(s.Summary))
	}
	return g.Group{h.P(h.Class("state failed"), g.Text("stops at stage "), text(s.Number), g.Text(": "), text(s.Name)), why}
}

// calls returns a table of calls.
func (p *page) calls(host string, all []recording.Meta) g.Node {
	rows := g.Map(all, func(m recording.Meta) g.Node {
		gateway, changed := g.Text("–"), g.Text(count(m.Changed, "resource", "resources"))
		if m.Gateway != "" {
			gateway = link(subjectAt("gateway/"+m.Gateway), m.Gateway)
		}
		if m.Error != "" {
			changed = h.Strong(h.Class("state failed"), g.Text("failed: "), text(m.Error))
		}
		return h.Tr(
			h.Td(p.since(m.Last)), h.Td(gateway), h.Td(changed),
			h.Td(text(m.Count)), h.Td(text(m.Took.Duration)), h.Td(link(callAt(m.ID), m.ID)),
			cell(fetch(host, callAt(m.ID).url)),
		)
	})
	return table("Calls", []string{"When", "Gateway", "Changed", "Calls", "Took", "Call"}, rows...)
}
