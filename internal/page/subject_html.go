package page

import (
	"cmp"
	"io"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/pkg/mutator"
)

// subjectPage renders a subject.
func (p *page) subjectPage(s *subject) g.Node {
	return document(
		cmp.Or(s.Subject, "All policies"),
		shell(command("explain --diff", s.Subject)),
		g.Map(s.Findings, func(f explain.Finding) g.Node { return h.Section(findings([]explain.Finding{f})) }),
		section(
			"policies", "Policies",
			stages(),
			articles(s.Policies),
		),
		g.Iff(s.Subject != "", func() g.Node { return changes(s) }),
		g.Iff(s.Subject != "" && len(s.History) > 0, func() g.Node { return section("history", "History", p.calls(s.Host, s.History)) }),
	)
}

// stages renders which stages the page does not examine.
func stages() g.Node {
	return h.P(
		h.Class("muted"), g.Text("This page examines stages 2 and 3. The command for a policy examines all four if there is a kubeconfig for the cluster; without Kubernetes, "),
		h.Code(g.Text("--envoy-gateway-config")), g.Text(" is for stage 1 and "), h.Code(g.Text("--envoy-admin")), g.Text(" for stage 4."),
	)
}

// articles renders policies with all their stages.
func articles(all []*explain.Policy) g.Node {
	if len(all) == 0 {
		return h.P(g.Text("None in the last calls."))
	}
	return g.Map(all, func(p *explain.Policy) g.Node {
		effect := "Not in effect"
		if p.InEffect {
			effect = "In effect"
		}
		return h.Article(
			h.H3(link(subjectAt(subjectOf(p)), p)), answer(stateOf(p.InEffect), g.Text(effect)),
			h.Ol(h.Class("stages"), g.Map(p.Stages, stage)), list(p.Outcomes, outcome), shell(command("explain", subjectOf(p))),
		)
	})
}

func stage(s explain.Stage) g.Node {
	return h.Li(
		state(string(s.State)), text(s.Name), g.If(s.Summary != "", g.Group{g.Text(": "), text(s.Summary)}),
		findings(s.Findings), list(s.Details, func(d string) g.Node { return text(d) }),
	)
}

func outcome(o explain.Outcome) g.Node {
	return g.Group{text(o.Reason), g.Text(" in "), text(o.Hook), g.Text(" "), text(o.Subject), g.Text(": "), text(o.Message)}
}

// list renders a list, nothing without items.
func list[T any](items []T, item func(T) g.Node) g.Node {
	if len(items) == 0 {
		return nil
	}
	return h.Ul(g.Map(items, func(i T) g.Node { return h.Li(item(i)) }))
}

// changes renders egraft's changes.
func changes(s *subject) g.Node {
	return section(
		"changes", "What egraft changes", summary(s), g.Map(s.Shown, func(c explain.Change) g.Node { return change(s, c) }),
		g.If(s.Hidden > 0, h.P(text(s.Hidden), g.Text(" more resources are not listed here; the command lists them."))),
	)
}

func summary(s *subject) g.Node {
	if len(s.Summary) == 0 {
		return h.P(g.Text("Nothing."))
	}
	rows := g.Map(s.Summary, func(of explain.Summary) g.Node {
		return h.Tr(
			h.Th(h.Scope("row"), text(featureOf(of.Feature))), h.Td(text(of.Kind)), h.Td(text(of.Result)), h.Td(text(of.Count)),
			cell(command("explain", s.Subject)),
		)
	})
	return table("Changes by feature", []string{"Feature", "Kind", "Result", "Resources"}, rows...)
}

// featureOf returns what changed a resource: a feature, or egraft itself.
func featureOf(name string) string { return cmp.Or(name, "egraft") }

// change renders a resource that opens to show its differences.
func change(s *subject, c explain.Change) g.Node {
	of := s.Subject
	if c.Kind == mutator.KindCluster {
		of = "cluster/" + c.Name
	}
	return h.Details(
		h.Summary(
			text(c.Op), g.Text(" "), text(c.Kind), g.Text(" "), text(c.Name), g.Text(" "),
			h.Span(h.Class("muted"), text(featureOf(c.Feature)), g.Text(", "), text(c.Result)),
		),
		g.If(c.Error != "", answer(explain.Failed, text(c.Error))),
		g.If(len(c.Policies) > 0, h.P(g.Text("For "), text(strings.Join(c.Policies, ", ")))),
		g.Iff(c.Diff != nil, func() g.Node { return h.Pre(h.TabIndex("0"), difference(c.Diff)) }),
		shell(command("explain --diff", of)),
	)
}

// difference renders the lines of a comparison in their colours.
func difference(r *diff.Result) g.Node {
	return g.NodeFunc(func(w io.Writer) error {
		all, err := lines(r)
		if err != nil {
			return err
		}
		return g.Map(all, func(l line) g.Node {
			if l.Class == "" {
				return text(l.Text)
			}
			return h.Span(h.Class(l.Class), text(l.Text))
		}).Render(w)
	})
}
