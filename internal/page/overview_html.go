package page

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/explain"
)

// overviewPage renders an overview.
func (p *page) overviewPage(o *overview) g.Node {
	return document(
		"egraft overview",
		section("calling", "Does Envoy Gateway call egraft?", p.calling(o), p.hooks(o), shell("egraft doctor")),
		section("without", "Which policies have no effect?", without(o), shell("egraft explain")),
		section("changed", "What changed last?", p.changed(o), shell("egraft record recording.tar.gz")),
		section("healthy", "Is egraft healthy?", healthy(o), checks(o.Checks), shell("egraft doctor")),
		section("gateways", "Gateways", gateways(o.Gateways)),
		g.Iff(len(o.Within) > 0, func() g.Node { return section("within", "In effect", policies(o.Within)) }),
	)
}

func (p *page) calling(o *overview) g.Node {
	if !o.Called {
		return answer(explain.Failed, g.Text("No. There has been no Translation call since egraft started, so no policy is in effect."))
	}
	return answer(explain.OK, g.Text("Yes. The last call ended "), p.since(o.Last), g.Text(". Envoy Gateway only calls when something changes."))
}

// hooks renders the calls of each hook.
func (p *page) hooks(o *overview) g.Node {
	rows := g.Map(o.Facts.Calls, func(c doctor.Calls) g.Node {
		last := g.Text("never")
		if !c.Last.IsZero() {
			last = p.since(c.Last)
		}
		failed := text(c.Failed)
		if c.Failed > 0 {
			failed = h.Strong(h.Class("state failed"), failed)
		}
		return h.Tr(
			h.Th(h.Scope("row"), text(c.Hook)), h.Td(text(c.OK)), h.Td(failed), h.Td(last), h.Td(text(size(c.LargestBytes))),
			cell(fetch(o.Host, "/metrics")+" | grep "+word(`hook="`+c.Hook+`"`)),
		)
	})
	return table("Hook calls", []string{"Hook", "OK", "Failed", "Last", "Largest message"}, rows...)
}

func without(o *overview) g.Node {
	var out g.Group
	switch {
	case o.Error != "":
		out = g.Group{answer(explain.Failed, text(o.Error))}
	case len(o.Without) > 0:
		out = g.Group{answer(explain.Failed, g.Text(count(len(o.Without), "policy", "policies")+".")), policies(o.Without)}
	default:
		out = g.Group{
			answer(explain.OK, g.Text("None: all policies that Envoy Gateway sends are in effect.")),
			h.P(g.Text("Envoy Gateway does not send a policy whose target does not exist.")),
		}
	}
	if o.Omitted > 0 {
		out = append(out, h.P(text(o.Omitted), g.Text(" more policies are not listed here.")))
	}
	return out
}

func (p *page) changed(o *overview) g.Node {
	if len(o.Calls) == 0 {
		return h.P(g.Text("No call in the journal changed anything."))
	}
	return g.Group{h.P(g.Text("The last calls that changed resources or failed.")), p.calls(o.Host, o.Calls)}
}

func healthy(o *overview) g.Node {
	switch {
	case o.Facts.Unhealthy != "":
		return answer(explain.Failed, text(o.Facts.Unhealthy))
	case o.Failed > 0:
		return answer(explain.Failed, g.Text(count(o.Failed, "check fails", "checks fail")+"."))
	default:
		return answer(explain.OK, g.Text("Yes."))
	}
}

func checks(results []doctor.Result) g.Node {
	return h.Ul(h.Class("checks"), g.Map(results, func(r doctor.Result) g.Node {
		id := text(r.Code)
		if r.Link != "" {
			id = code(r.Code)
		}
		return h.Li(
			state(string(r.Status)), id, g.Text(" "), text(r.Title), paragraph(r.Note),
			g.Map(r.Problems, func(p doctor.Problem) g.Node { return g.Group{h.P(text(p.Message)), remedy(p.Remedy)} }),
		)
	}))
}

func gateways(names []string) g.Node {
	if len(names) == 0 {
		return h.P(g.Text("The journal has no call of a Gateway."))
	}
	return h.Ul(g.Map(names, func(name string) g.Node {
		return h.Li(link(subjectAt("gateway/"+name), name), shell(command("explain --diff", "gateway/"+name)))
	}))
}

// state renders a word in the colour of its state.
func state(of string) g.Node {
	return g.Group{h.Span(h.Class("state "+of), text(of)), g.Text(" ")}
}
